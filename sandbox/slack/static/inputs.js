// Interactive elements, in messages and in forms. Each one is `{node, value()}`; `value()` is what the control API takes.

import { h } from "./util.js";

const PLAIN = {
  number_input: "number",
  email_text_input: "email",
  url_text_input: "url",
  datepicker: "date",
  timepicker: "time",
};
const STATE_KEYS = [
  "value",
  "selected_option",
  "selected_options",
  "selected_date",
  "selected_time",
  "selected_user",
  "selected_users",
  "selected_channel",
  "selected_conversation",
];

let counter = 0;

/**
 * Build an element.
 * `ctx`: text (Text), names, current (its state value), id, changed(value), press(button), suggest(element, typed).
 */
export function element(e, ctx) {
  const changed = () => ctx.changed?.(found.value());
  const current = STATE_KEYS.map((k) => ctx.current?.[k]).find((v) => v !== undefined && v !== null) ?? null;
  const found = build(e, { ...ctx, current, changed, labelled: Boolean(ctx.id), id: ctx.id ?? `e${++counter}` });
  return found;
}

function build(e, ctx) {
  if (e.type === "button") return button(e, ctx);
  if (e.type === "plain_text_input") return textInput(e, ctx);
  if (e.type in PLAIN) return plainInput(e, ctx);
  if (e.type === "static_select") return nativeSelect(e, ctx, groupsOf(e));
  if (e.type === "users_select") return nativeSelect(e, ctx, people(ctx), "user");
  if (e.type === "channels_select" || e.type === "conversations_select")
    return nativeSelect(e, ctx, channels(ctx), "id");
  if (e.type === "radio_buttons" || e.type === "checkboxes") return choices(e, ctx);
  if (e.type === "overflow") return overflow(e, ctx);
  if (/^(multi_|external_)/.test(e.type)) return combo(e, ctx);
  return { node: h("span", { class: "unsupported" }, `[${e.type}]`), value: () => null };
}

function button(e, ctx) {
  const node = h(
    "button",
    {
      type: "button",
      class: `button ${e.style ?? ""}`,
      "aria-label": e.accessibility_label ?? null,
      "data-action": e.action_id,
      onclick: () => ctx.press(e, node),
    },
    ctx.text.object(e.text),
  );
  return { node, value: () => e.value };
}

function textInput(e, ctx) {
  const props = {
    id: ctx.id,
    placeholder: e.placeholder?.text ?? null,
    maxlength: String(e.max_length ?? 3000),
    onchange: ctx.changed,
  };
  const node = e.multiline
    ? h("textarea", { ...props, rows: "4" })
    : h("input", { ...props, type: "text", autocomplete: "off" });
  node.value = ctx.current ?? "";
  return { node, value: () => node.value };
}

function plainInput(e, ctx) {
  const node = h("input", {
    id: ctx.id,
    type: PLAIN[e.type],
    placeholder: e.placeholder?.text ?? null,
    step: e.is_decimal_allowed ? "any" : null,
    min: e.min_value ?? null,
    max: e.max_value ?? null,
    "aria-label": spoken(e, ctx),
    onchange: ctx.changed,
  });
  node.value = ctx.current ?? "";
  return { node, value: () => node.value };
}

/** In a form the label beside an element names it. */
const spoken = (e, ctx) => (ctx.labelled ? null : (e.placeholder?.text ?? e.action_id));

const groupsOf = (e) =>
  e.option_groups ? e.option_groups.map((g) => [g.label.text, g.options]) : [["", e.options ?? []]];
const option = (text, value) => ({ text: { type: "plain_text", text }, value });
const people = (ctx) => [
  ["", [...ctx.names.people.values()].filter((p) => !p.is_bot).map((p) => option(`${p.real_name} (@${p.name})`, p.id))],
];
const channels = (ctx) => [["", Object.entries(ctx.names.channels).map(([id, name]) => option(`#${name}`, id))]];
const label = (o) => o.text.text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

function nativeSelect(e, ctx, groups) {
  const selected = typeof ctx.current === "string" ? ctx.current : ctx.current?.value;
  const items = groups.map(([name, options]) => {
    const nodes = options.map((o) => h("option", { value: o.value, selected: o.value === selected }, label(o)));
    return name ? h("optgroup", { label: name }, nodes) : nodes;
  });
  const empty = h("option", { value: "", selected: !selected }, e.placeholder?.text ?? "Choose an option");
  const node = h(
    "select",
    { id: ctx.id, "aria-label": spoken(e, ctx), onchange: ctx.changed },
    empty,
    items,
  );
  return { node, value: () => node.value || null };
}

function choices(e, ctx) {
  const many = e.type === "checkboxes";
  const picked = new Set((many ? (ctx.current ?? []) : ctx.current ? [ctx.current] : []).map((o) => o.value));
  const boxes = e.options.map((o) => {
    const input = h("input", {
      type: many ? "checkbox" : "radio",
      name: ctx.id,
      value: o.value,
      checked: picked.has(o.value),
      onchange: ctx.changed,
    });
    const text = [
      h("span", {}, ctx.text.object(o.text)),
      o.description && h("small", {}, ctx.text.object(o.description)),
    ];
    return h("label", { class: "choice" }, input, h("span", { class: "choice-text" }, text));
  });
  const node = h("div", { id: ctx.id, role: many ? "group" : "radiogroup", class: "choices", tabindex: "-1" }, boxes);
  const values = () => [...node.querySelectorAll("input:checked")].map((i) => i.value);
  return { node, value: () => (many ? values() : (values()[0] ?? null)) };
}

function overflow(e, ctx) {
  let chosen = null;
  const items = e.options.map((o) =>
    h(
      "button",
      { type: "button", role: "menuitem", onclick: () => ((chosen = o.value), (node.open = false), ctx.changed()) },
      ctx.text.object(o.text),
    ),
  );
  const node = h(
    "details",
    { class: "overflow" },
    h("summary", { "aria-label": "More actions" }, "⋯"),
    h("div", { role: "menu" }, items),
  );
  return { node, value: () => chosen };
}

/** Type to search, arrow keys and Enter to pick; with `multi_` every pick becomes a chip. */
function combo(e, ctx) {
  const many = e.type.startsWith("multi_");
  const external = e.type.includes("external");
  const users = e.type.includes("users");
  let picked = [ctx.current ?? []].flat().map((o) => (typeof o === "string" ? option(nameOf(ctx, o), o) : o));
  let shown = [];
  let active = -1;
  let asked = 0;

  const list = h("ul", { id: `${ctx.id}-list`, role: "listbox", hidden: true });
  const chips = h("span", { class: "chips" });
  const input = h("input", {
    id: ctx.id,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: false,
    "aria-expanded": "false",
    "aria-controls": `${ctx.id}-list`,
    "aria-label": spoken(e, ctx),
    placeholder: e.placeholder?.text ?? "Type to search",
    oninput: () => search(),
    onfocus: () => (many || !picked.length) && search(),
    onkeydown: keys,
    onblur: () => setTimeout(hide, 150),
  });
  const node = h("div", { class: `combo ${many ? "many" : ""}` }, many ? chips : null, input, list);

  async function search() {
    const typed = input.value.trim();
    const number = ++asked;
    if (external) {
      const least = e.min_query_length ?? 3;
      if (typed.length < least) return typed ? note(`Type at least ${least} characters`) : hide();
      note("Searching …");
      const found = await ctx.suggest(e, typed);
      if (number === asked) offer(found ?? []);
    } else {
      const all = users ? people(ctx)[0][1] : groupsOf(e).flatMap(([, options]) => options);
      offer(all.filter((o) => label(o).toLowerCase().includes(typed.toLowerCase())));
    }
  }

  function offer(options) {
    shown = options.filter((o) => !many || !picked.some((p) => p.value === o.value));
    active = shown.length ? 0 : -1;
    if (!shown.length) return options.length ? hide() : note("Nothing found");
    const items = shown.map((o, i) =>
      h("li", { role: "option", id: `${ctx.id}-${i}`, onmousedown: (event) => (event.preventDefault(), pick(i)) }, [
        h("span", {}, label(o)),
        o.description ? h("small", {}, ctx.text.object(o.description)) : null,
      ]),
    );
    list.replaceChildren(...items);
    show();
    mark();
    return undefined;
  }

  function note(text) {
    shown = [];
    list.replaceChildren(h("li", { class: "note" }, text));
    show();
  }

  function show() {
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  function hide() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    if (!many) input.value = picked[0] ? label(picked[0]) : "";
  }

  function mark() {
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === active)));
    list.children[active]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `${ctx.id}-${active}`);
  }

  function pick(i) {
    picked = many ? [...picked, shown[i]] : [shown[i]];
    if (many) input.value = "";
    draw();
    hide();
    ctx.changed();
  }

  function keys(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      active = (active + (event.key === "ArrowDown" ? 1 : shown.length - 1)) % (shown.length || 1);
      mark();
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      if (shown[active]) pick(active);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      hide();
    } else if (event.key === "Backspace" && many && !input.value && picked.length) {
      picked = picked.slice(0, -1);
      draw();
      ctx.changed();
    }
  }

  function draw() {
    if (!many) return;
    input.placeholder = picked.length ? "" : (e.placeholder?.text ?? "Type to search");
    const remove = (o) => {
      picked = picked.filter((p) => p !== o);
      draw();
      ctx.changed();
    };
    chips.replaceChildren(
      ...picked.map((o) =>
        h(
          "span",
          { class: "chip" },
          label(o),
          h("button", { type: "button", "aria-label": `Remove ${label(o)}`, onclick: () => remove(o) }, "×"),
        ),
      ),
    );
  }

  draw();
  hide();
  return {
    node,
    value: () => (many ? picked.map((o) => o.value) : !input.value.trim() ? null : (picked[0]?.value ?? null)),
  };
}

const nameOf = (ctx, id) => ctx.names.people.get(id)?.real_name ?? id;
