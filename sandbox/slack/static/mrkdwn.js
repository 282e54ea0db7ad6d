// Slack's mrkdwn and rich_text as DOM nodes. Nothing is ever inserted as HTML.

import { dateTokens, h } from "./util.js";

const EMOJI = {
  white_check_mark: "✅",
  heavy_check_mark: "✔️",
  x: "❌",
  warning: "⚠️",
  rotating_light: "🚨",
  no_entry: "⛔",
  no_entry_sign: "🚫",
  octagonal_sign: "🛑",
  hourglass: "⌛",
  hourglass_flowing_sand: "⏳",
  stopwatch: "⏱️",
  large_green_circle: "🟢",
  large_yellow_circle: "🟡",
  large_orange_circle: "🟠",
  red_circle: "🔴",
  large_blue_circle: "🔵",
  white_circle: "⚪",
  black_circle: "⚫",
  tada: "🎉",
  rocket: "🚀",
  eyes: "👀",
  mag: "🔍",
  lock: "🔒",
  unlock: "🔓",
  key: "🔑",
  bulb: "💡",
  information_source: "ℹ️",
  question: "❓",
  exclamation: "❗",
  grey_question: "❔",
  arrow_right: "➡️",
  arrow_left: "⬅️",
  arrow_up: "⬆️",
  arrow_down: "⬇️",
  leftwards_arrow_with_hook: "↩️",
  arrows_counterclockwise: "🔄",
  repeat: "🔁",
  back: "🔙",
  calendar: "📅",
  clock3: "🕒",
  chart_with_upwards_trend: "📈",
  chart_with_downwards_trend: "📉",
  bar_chart: "📊",
  wrench: "🔧",
  hammer_and_wrench: "🛠️",
  gear: "⚙️",
  package: "📦",
  memo: "📝",
  page_facing_up: "📄",
  paperclip: "📎",
  link: "🔗",
  bell: "🔔",
  no_bell: "🔕",
  thumbsup: "👍",
  "+1": "👍",
  thumbsdown: "👎",
  "-1": "👎",
  wave: "👋",
  robot_face: "🤖",
  snowflake: "❄️",
  zap: "⚡",
  fire: "🔥",
  raised_hand: "✋",
  pray: "🙏",
  thinking_face: "🤔",
  heavy_minus_sign: "➖",
  heavy_plus_sign: "➕",
  small_blue_diamond: "🔹",
  star: "⭐",
  sparkles: "✨",
  broom: "🧹",
  shield: "🛡️",
  microscope: "🔬",
  test_tube: "🧪",
  balance_scale: "⚖️",
  speech_balloon: "💬",
};

const decode = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    ":([a-z0-9_+-]+):",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]*[^*\\s])\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]*[^_\\s])_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]*[^~\\s])~(?![\\w~])",
  ].join("|"),
  "g",
);

/** Turns Slack text into nodes; `names` knows people, groups and channels. */
export class Text {
  constructor(names) {
    this.names = names;
  }

  /** A text object: mrkdwn, or plain_text with emoji names only. */
  object(text) {
    if (!text) return [];
    if (text.type !== "mrkdwn") return this.plain(text.text);
    return this.mrkdwn(text.verbatim ? text.text : this.marked(text.text));
  }

  /** Without `verbatim` Slack makes links and mentions of addresses, `#names` and `@here` in plain text. */
  marked(text) {
    const ids = new Map(Object.entries(this.names.channels).map(([id, name]) => [name, id]));
    return text
      .replace(/(^|[\s(])(https?:\/\/[^\s<>|`]+)/g, "$1<$2>")
      .replace(/(^|[\s(])@(here|channel|everyone)\b/g, "$1<!$2>")
      .replace(/(^|[\s(])#([\w-]+)/g, (whole, before, name) => (ids.has(name) ? `${before}<#${ids.get(name)}>` : whole));
  }

  plain(text) {
    return [decode(text).replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] ?? whole)];
  }

  mrkdwn(text) {
    const parts = text.split(/```([\s\S]*?)```/);
    return parts.flatMap((part, i) => {
      if (i % 2) return [pre(decode(part.replace(/^\n/, "").replace(/\n$/, "")))];
      const before = i > 0 ? part.replace(/^\n/, "") : part;
      const trimmed = i < parts.length - 1 ? before.replace(/\n$/, "") : before;
      return trimmed ? this.lines(trimmed) : [];
    });
  }

  /** Paragraph text with quoted lines gathered into block quotes. */
  lines(text) {
    const nodes = [];
    let quote = null;
    text.split("\n").forEach((line, i, all) => {
      const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
      if (quoted) {
        if (!quote) nodes.push((quote = h("blockquote")));
        else quote.append(h("br"));
        quote.append(...this.inline(quoted[1]));
        return;
      }
      quote = null;
      nodes.push(...this.inline(line));
      if (i < all.length - 1 && !/^(?:&gt;|>)/.test(all[i + 1])) nodes.push(h("br"));
    });
    return nodes;
  }

  inline(text) {
    const nodes = [];
    let end = 0;
    for (const found of text.matchAll(INLINE)) {
      if (found.index > end) nodes.push(decode(text.slice(end, found.index)));
      end = found.index + found[0].length;
      const [whole, code, angle, emoji, bold, italic, strike] = found;
      if (code !== undefined) nodes.push(h("code", {}, decode(code)));
      else if (angle !== undefined) nodes.push(this.angle(angle, whole));
      else if (emoji !== undefined) nodes.push(EMOJI[emoji] ?? whole);
      else if (bold !== undefined) nodes.push(h("strong", {}, this.inline(bold)));
      else if (italic !== undefined) nodes.push(h("em", {}, this.inline(italic)));
      else nodes.push(h("s", {}, this.inline(strike)));
    }
    if (end < text.length) nodes.push(decode(text.slice(end)));
    return nodes;
  }

  /** `<@U…>`, `<#C…>`, `<!subteam^…>`, `<!date^…>`, `<!here>`, `<url|label>`. */
  angle(body, whole) {
    const [target, label] = body.split(/\|(.*)/s);
    if (target.startsWith("@")) return this.user(target.slice(1), label);
    if (target.startsWith("#")) return this.channel(target.slice(1), label);
    if (target.startsWith("!subteam^")) return this.group(target.slice(9), label);
    if (target.startsWith("!date^")) {
      const [, ts, format, link] = target.split("^");
      const node = h("time", { title: label ?? "" }, dateTokens(Number(ts), format));
      return link ? h("a", { href: link }, node) : node;
    }
    if (/^!(here|channel|everyone)$/.test(target)) return h("span", { class: "mention loud" }, `@${target.slice(1)}`);
    if (/^(https?:|mailto:)/.test(target)) return link(decode(target), label ? this.inline(label) : decode(target));
    return decode(whole);
  }

  user(id, label) {
    const person = this.names.people.get(id);
    const mine = id === this.names.me ? " me" : "";
    return h("span", { class: `mention${mine}`, title: person?.real_name ?? id }, `@${person?.name ?? label ?? id}`);
  }

  group(id, label) {
    const group = this.names.groups.get(id);
    const people = group?.users.map((u) => this.names.people.get(u)?.name ?? u).join(", ");
    const mine = group?.users.includes(this.names.me) ? " me" : "";
    return h(
      "span",
      { class: `mention${mine}`, title: people ?? id },
      `@${group?.handle ?? label?.replace(/^@/, "") ?? id}`,
    );
  }

  channel(id, label) {
    return h(
      "a",
      { class: "mention", href: `/archives/${id}/latest`, "data-channel": id },
      `#${this.names.channels[id] ?? label ?? id}`,
    );
  }

  /** The body of a rich_text block. */
  rich(elements) {
    return elements.map((e) => {
      if (e.type === "rich_text_section") return h("div", { class: "rich" }, this.runs(e.elements));
      if (e.type === "rich_text_preformatted") return pre(e.elements.map((r) => r.text ?? r.url ?? "").join(""));
      if (e.type === "rich_text_quote") return h("blockquote", {}, this.runs(e.elements));
      if (e.type === "rich_text_list") {
        const items = e.elements.map((item) => h("li", {}, this.runs(item.elements)));
        return h(e.style === "ordered" ? "ol" : "ul", { style: `margin-left:${(e.indent ?? 0) * 20}px` }, items);
      }
      return null;
    });
  }

  runs(elements) {
    return elements.flatMap((e) => this.styled(this.run(e), e.style ?? {}));
  }

  run(e) {
    if (e.type === "text") return e.text.split("\n").flatMap((line, i) => (i ? [h("br"), line] : [line]));
    if (e.type === "link") return [link(e.url, e.text || e.url)];
    if (e.type === "user") return [this.user(e.user_id)];
    if (e.type === "usergroup") return [this.group(e.usergroup_id)];
    if (e.type === "channel") return [this.channel(e.channel_id)];
    if (e.type === "emoji") return [EMOJI[e.name] ?? `:${e.name}:`];
    if (e.type === "broadcast") return [h("span", { class: "mention loud" }, `@${e.range}`)];
    if (e.type === "date") return [h("time", { title: e.fallback ?? "" }, dateTokens(e.timestamp, e.format))];
    return [];
  }

  styled(nodes, style) {
    let found = nodes;
    for (const [key, tag] of [
      ["code", "code"],
      ["bold", "strong"],
      ["italic", "em"],
      ["strike", "s"],
    ]) {
      if (style[key]) found = [h(tag, {}, found)];
    }
    return found;
  }
}

export const pre = (text) => h("pre", { tabindex: "0" }, text);

function link(href, children) {
  const here = href.startsWith(location.origin);
  return h("a", { href, target: here ? null : "_blank", rel: "noopener noreferrer" }, children);
}
