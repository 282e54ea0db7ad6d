// Block Kit as DOM nodes.

import { element } from "./inputs.js";
import { pre } from "./mrkdwn.js";
import { h } from "./util.js";

/**
 * Render blocks. `ctx`: text, names, state (values by block_id and action_id), errors (by block_id),
 * act(element, value, node, block_id), suggest(element, typed), register(block, element, control).
 */
export function blocks(list, ctx) {
  return (list ?? []).map(
    (block) => RENDER[block.type]?.(block, ctx) ?? h("p", { class: "unsupported" }, `[${block.type}]`),
  );
}

const RENDER = {
  header: (b, ctx) => h("h3", { class: "b-header" }, ctx.text.object(b.text)),
  divider: () => h("hr"),
  section,
  context: (b, ctx) =>
    h(
      "div",
      { class: "b-context" },
      b.elements.map((e) => (e.type === "image" ? picture(e, "small") : h("span", {}, ctx.text.object(e)))),
    ),
  actions: (b, ctx) =>
    h(
      "div",
      { class: "b-actions" },
      b.elements.map((e) => interactive(b, e, ctx).node),
    ),
  image: (b, ctx) =>
    h("figure", { class: "b-image" }, b.title ? h("figcaption", {}, ctx.text.object(b.title)) : null, picture(b)),
  rich_text: (b, ctx) => h("div", { class: "b-rich" }, ctx.text.rich(b.elements)),
  markdown: (b, ctx) => h("div", { class: "b-markdown" }, markdown(b.text, ctx)),
  table: (b, ctx) => table(b.rows, b.column_settings ?? [], null, ctx),
  data_table: (b, ctx) => table(b.rows, b.column_settings ?? [], b.caption, ctx),
  input,
};

function section(b, ctx) {
  const body = [
    b.text ? h("div", { class: "b-text" }, ctx.text.object(b.text)) : null,
    b.fields
      ? h(
          "div",
          { class: "b-fields" },
          b.fields.map((f) => h("div", {}, ctx.text.object(f))),
        )
      : null,
  ];
  if (!b.accessory) return h("div", { class: "b-section" }, body);
  const beside = b.accessory.type === "image" ? picture(b.accessory, "thumb") : interactive(b, b.accessory, ctx).node;
  return h(
    "div",
    { class: "b-section with-accessory" },
    h("div", { class: "b-body" }, body),
    h("div", { class: "b-accessory" }, beside),
  );
}

function input(b, ctx) {
  const id = `i-${b.block_id}-${b.element.action_id}`.replace(/[^\w-]/g, "_");
  const made = interactive(b, b.element, { ...ctx, id });
  const error = ctx.errors?.[b.block_id];
  const field = made.node.matches("input, textarea, select") ? made.node : made.node.querySelector("input");
  if (error && field) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `${id}-error`);
  }
  return h(
    "div",
    { class: `b-input ${error ? "wrong" : ""}`, "data-block": b.block_id },
    h(
      "label",
      { for: id },
      ctx.text.object(b.label),
      b.optional ? h("span", { class: "optional" }, " (optional)") : null,
    ),
    made.node,
    error ? h("p", { class: "error", id: `${id}-error` }, error) : null,
    b.hint ? h("p", { class: "hint" }, ctx.text.object(b.hint)) : null,
  );
}

function interactive(b, e, ctx) {
  const made = element(e, {
    text: ctx.text,
    names: ctx.names,
    id: ctx.id,
    current: ctx.state?.[b.block_id]?.[e.action_id],
    press: (button, node) => ctx.act(button, undefined, node, b.block_id),
    changed: (value) => ctx.act(e, value, made.node, b.block_id),
    suggest: ctx.suggest,
  });
  ctx.register?.(b, e, made);
  return made;
}

function picture(e, size = "") {
  const src = e.image_url ?? `/files/${e.slack_file?.id ?? e.slack_file?.url?.match(/files\/(\w+)/)?.[1]}/image`;
  return h("img", { class: `picture ${size}`, src, alt: e.alt_text ?? "", "data-zoom": size ? null : "" });
}

/** The first row is the header. Numbers stand to the right unless the column says otherwise. */
function table(rows, settings, caption, ctx) {
  const [head, ...body] = rows;
  const align = head.map(
    (_, i) => settings[i]?.align ?? (body.length && body.every((r) => numeric(r[i])) ? "right" : "left"),
  );
  const cell = (tag) => (c, i) =>
    h(
      tag,
      {
        style: `text-align:${align[i]}`,
        class: settings[i]?.is_wrapped ? "wrapped" : "",
        scope: tag === "th" ? "col" : null,
      },
      content(c, ctx),
    );
  return h(
    "div",
    { class: "b-table", tabindex: "0", role: "region", "aria-label": caption ?? "Table" },
    h(
      "table",
      {},
      caption ? h("caption", {}, caption) : null,
      h("thead", {}, h("tr", {}, head.map(cell("th")))),
      h(
        "tbody",
        {},
        body.map((row) => h("tr", {}, row.map(cell("td")))),
      ),
    ),
  );
}

const numeric = (cell) => cell && (cell.type === "raw_number" || /^[-+–−]?[\d.,  ]*\d\s*%?$/.test(cell.text ?? "x"));

function content(cell, ctx) {
  if (cell?.type === "rich_text") return ctx.text.rich(cell.elements);
  return String(cell?.text ?? cell?.value ?? "");
}

/** The markdown block: headings, lists, fences, emphasis, code, links; enough for what bots write. */
function markdown(text, ctx) {
  return text.split(/```(?:\w*\n)?([\s\S]*?)```/).flatMap((part, i) => {
    if (i % 2) return [pre(part.replace(/\n$/, ""))];
    const apart = part.replace(/^(#{1,6} .*)$/gm, "\n$1\n");
    return apart
      .split(/\n{2,}/)
      .filter((p) => p.trim())
      .map((p) => paragraph(p.trim(), ctx));
  });
}

function paragraph(text, ctx) {
  const inline = (line) => {
    const escaped = line.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    const links = escaped.replace(/\[([^\]]+)\]\((https?:[^)\s]+)\)/g, "<$2|$1>");
    const emphasis = links.replace(/(?<!\*)\*(?!\*)([^*]+)\*(?!\*)/g, "_$1_").replace(/\*\*([^*]+)\*\*/g, "*$1*");
    return ctx.text.inline(emphasis.replace(/~~/g, "~"));
  };
  const heading = text.match(/^(#{1,6}) (.*)$/);
  if (heading) return h(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2]));
  const lines = text.split("\n");
  if (lines.every((l) => /^\s*[-*] /.test(l)))
    return h(
      "ul",
      {},
      lines.map((l) => h("li", {}, inline(l.replace(/^\s*[-*] /, "")))),
    );
  if (lines.every((l) => /^\s*\d+\. /.test(l)))
    return h(
      "ol",
      {},
      lines.map((l) => h("li", {}, inline(l.replace(/^\s*\d+\. /, "")))),
    );
  return h(
    "p",
    {},
    lines.flatMap((l, i) => (i ? [h("br"), ...inline(l)] : inline(l))),
  );
}
