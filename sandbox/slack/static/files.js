// Files in a message: pictures inline, text and CSV with a preview, everything with a download.

import { pre } from "./mrkdwn.js";
import { fileSize, h } from "./util.js";

const PICTURES = /^image\/(png|jpeg|gif|webp)$/;
const PREVIEW_LINES = 60;

export const files = (list) => (list?.length ? h("div", { class: "files" }, list.map(file)) : null);

function file(f) {
  if (PICTURES.test(f.mimetype)) {
    const alt = f.alt_txt || f.title;
    const link = h("a", { href: f.url_private_download, download: f.name, title: "Download", class: "quiet" }, f.name);
    return h(
      "figure",
      { class: "file-picture" },
      h("figcaption", {}, f.title === f.name ? null : `${f.title} · `, link),
      h("img", { class: "picture", src: path(f), alt, "data-zoom": "" }),
    );
  }
  const preview = h("div", { class: "preview", hidden: true });
  const readable = /^text\/|json|sql/.test(f.mimetype) || /csv|txt|sql|json|log|md/.test(f.filetype);
  const toggle = h(
    "button",
    { type: "button", class: "button small", "aria-expanded": "false", onclick: () => open(f, preview, toggle) },
    "Preview",
  );
  return h(
    "div",
    { class: "file" },
    h(
      "div",
      { class: "file-row" },
      h("span", { class: "file-kind", "aria-hidden": "true" }, f.filetype.slice(0, 4)),
      h(
        "span",
        { class: "file-name" },
        h("strong", {}, f.title),
        h("small", {}, `${f.title === f.name ? "" : `${f.name} · `}${fileSize(f.size)}`),
      ),
      readable ? toggle : null,
      h("a", { class: "button small", href: `${path(f)}?download=1`, download: f.name }, "Download"),
    ),
    preview,
  );
}

const path = (f) => new URL(f.url_private, location.href).pathname;

async function open(f, preview, toggle) {
  preview.hidden = !preview.hidden;
  toggle.setAttribute("aria-expanded", String(!preview.hidden));
  toggle.textContent = preview.hidden ? "Preview" : "Hide";
  if (preview.hidden || preview.childNodes.length) return;
  const text = await (await fetch(path(f))).text();
  const lines = text.split("\n");
  const rest = lines.length - PREVIEW_LINES;
  preview.append(f.filetype === "csv" ? csv(text) : pre(lines.slice(0, PREVIEW_LINES).join("\n")));
  if (rest > 1) preview.append(h("p", { class: "hint" }, `${rest} more lines in the file`));
}

function csv(text) {
  const rows = [...parse(text)].slice(0, PREVIEW_LINES);
  const [head, ...body] = rows;
  return h(
    "div",
    { class: "b-table", tabindex: "0" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          (head ?? []).map((c) => h("th", { scope: "col" }, c)),
        ),
      ),
      h(
        "tbody",
        {},
        body.map((r) =>
          h(
            "tr",
            {},
            r.map((c) => h("td", {}, c)),
          ),
        ),
      ),
    ),
  );
}

/** Rows of a CSV text with quoted cells. */
function* parse(text) {
  let row = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted === undefined ? plain : quoted.replace(/""/g, '"'));
    if (end === ",") continue;
    if (row.length > 1 || row[0]) yield row;
    row = [];
  }
}
