// Messages: one article each, kept as long as nothing in it changes, so that open previews and focus survive updates.

import { blocks } from "./blocks.js";
import { confirmed } from "./dialogs.js";
import { files } from "./files.js";
import { avatar, control, dayName, fullTime, h, time } from "./util.js";

/** A scrolling list of messages that stays at its end while it is there. */
export class MessageList {
  constructor(container, context) {
    this.container = container;
    this.context = context; // () => {user, channel, text, names, openThread, dismiss}
    this.known = new Map(); // ts -> [signature, node]
    this.pinned = true;
    container.addEventListener(
      "scroll",
      () => (this.pinned = container.scrollHeight - container.scrollTop - container.clientHeight < 80),
    );
    container.addEventListener("load", () => this.pinned && this.toEnd(), true);
    new ResizeObserver(() => this.pinned && this.toEnd()).observe(container);
  }

  /** `place` names what is shown: another place starts at its end. `options`: inThread, newSince. */
  show(place, messages, options = {}) {
    if (place !== this.place) {
      this.known.clear();
      this.pinned = true;
      this.place = place;
    }
    const nodes = [];
    let day = "";
    let marked = !options.newSince;
    for (const m of messages) {
      if (!options.inThread && dayName(m.ts) !== day) {
        day = dayName(m.ts);
        nodes.push(h("div", { class: "separator" }, h("span", {}, day)));
      }
      if (!marked && Number(m.ts) > Number(options.newSince)) {
        nodes.push(h("div", { class: "separator new" }, h("span", {}, "New")));
        marked = true;
      }
      nodes.push(this.node(m, options));
      if (options.inThread && m.ts === options.root) {
        const count = messages.filter((r) => !r.is_ephemeral).length - 1;
        nodes.push(
          h(
            "div",
            { class: "separator left" },
            h("span", {}, count ? `${count} ${count === 1 ? "reply" : "replies"}` : "No replies yet"),
          ),
        );
      }
    }
    if (!nodes.length) nodes.push(h("p", { class: "empty" }, options.empty ?? "Nothing here yet."));
    replace(this.container, nodes);
    if (this.pinned) this.toEnd();
  }

  node(m, options) {
    const signature = JSON.stringify([m, this.context().user]);
    const [seen, node] = this.known.get(m.ts) ?? [];
    if (seen === signature) return node;
    const made = message(m, this.context(), options);
    this.known.set(m.ts, [signature, made]);
    return made;
  }

  toEnd() {
    this.container.scrollTop = this.container.scrollHeight;
  }
}

/** Put these nodes in, touching only what differs, so that focus and selection stay. */
function replace(container, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...container.childNodes]) if (!wanted.has(child)) child.remove();
  nodes.forEach(
    (node, i) => container.childNodes[i] !== node && container.insertBefore(node, container.childNodes[i] ?? null),
  );
}

const SYSTEM = { id: "USLACKBOT", name: "workspace", real_name: "Workspace" };

function message(m, ctx, options) {
  const person = m.user === SYSTEM.id ? SYSTEM : ctx.names.people.get(m.user);
  const kind = [
    m.is_ephemeral ? "private" : "",
    m.subtype === "failure" ? "failure" : "",
    m.hidden ? "tombstone" : "",
  ].join(" ");
  return h(
    "article",
    { class: `message ${kind}`, "data-ts": m.ts, "aria-label": `${person?.real_name ?? m.user}, ${time(m.ts)}` },
    avatar(person),
    h(
      "div",
      { class: "message-body" },
      head(m, person, ctx),
      body(m, ctx),
      files(m.files),
      reactions(m),
      options.inThread ? null : summary(m, ctx),
    ),
    m.is_ephemeral || options.inThread
      ? null
      : h(
          "button",
          {
            type: "button",
            class: "icon reply",
            title: "Reply in thread",
            "aria-label": "Reply in thread",
            onclick: () => ctx.openThread(m.thread_ts ?? m.ts),
          },
          "↳",
        ),
  );
}

function head(m, person, ctx) {
  const badge = person?.is_bot ? "app" : person?.is_stranger ? "other workspace" : person?.is_restricted ? "guest" : "";
  return [
    m.is_ephemeral
      ? h(
          "p",
          { class: "only-you" },
          h("span", { "aria-hidden": "true" }, "◉ "),
          "Only visible to you",
          h("button", { type: "button", class: "link", onclick: () => ctx.dismiss(m.ts) }, "Dismiss"),
        )
      : null,
    m.subtype === "thread_broadcast" ? h("p", { class: "only-you" }, "Also sent to the channel") : null,
    h(
      "header",
      {},
      h("strong", {}, person?.real_name ?? m.user),
      badge ? h("span", { class: "badge" }, badge) : null,
      h("time", { title: fullTime(m.ts) }, time(m.ts)),
    ),
  ];
}

function body(m, ctx) {
  const content = m.blocks
    ? blocks(m.blocks, {
        text: ctx.text,
        names: ctx.names,
        act: (e, value, node, block) => act(m, ctx, e, value, node, block),
        suggest: (e, typed) =>
          control("options", { user: ctx.user, channel: ctx.channel, ts: m.ts, action_id: e.action_id, typed }),
      })
    : h("div", { class: "b-text" }, ctx.text.mrkdwn(m.text));
  return h("div", { class: "content" }, content, m.edited ? h("small", { class: "edited" }, "(edited)") : null);
}

async function act(m, ctx, e, value, node, block) {
  if (e.confirm && !(await confirmed(e.confirm, ctx.text))) return;
  const target = { user: ctx.user, channel: ctx.channel, ts: m.ts, action_id: e.action_id, block_id: block };
  if (e.type === "button") {
    node.classList.add("busy");
    await control("click", target);
    node.classList.remove("busy");
    if (e.url) window.open(e.url, "_blank", "noopener");
  } else if (value !== null) await control("choose", { ...target, value });
}

const reactions = (m) =>
  m.reactions?.length
    ? h(
        "div",
        { class: "reactions" },
        m.reactions.map((r) => h("span", { class: "chip" }, `:${r.name}: ${r.count}`)),
      )
    : null;

function summary(m, ctx) {
  if (m.subtype === "thread_broadcast")
    return h("button", { type: "button", class: "link", onclick: () => ctx.openThread(m.thread_ts) }, "View thread");
  if (!m.reply_count) return null;
  const unread = Number(m.latest_reply) > ctx.seen(m.ts);
  return h(
    "button",
    { type: "button", class: `summary ${unread ? "unread" : ""}`, onclick: () => ctx.openThread(m.ts) },
    m.reply_users.slice(0, 4).map((id) => avatar(ctx.names.people.get(id), "tiny")),
    h("strong", {}, `${m.reply_count} ${m.reply_count === 1 ? "reply" : "replies"}`),
    h("small", {}, `last at ${time(m.latest_reply)}${unread ? " · new" : ""}`),
  );
}
