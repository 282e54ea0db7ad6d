// Where people write: messages and slash commands, with what the app offers listed while typing.

import { control, h, toast } from "./util.js";

const history = [];

/** Fill a <form> with a composer. `place()` gives {user, channel, thread, app, names}. */
export function composer(form, place, hint) {
  const menu = h("ul", { class: "commands", hidden: true });
  let recalled = 0;
  const field = h("textarea", {
    rows: "1",
    placeholder: hint,
    "aria-label": hint,
    oninput: () => grow(),
    onkeydown: keys,
  });
  const bolt = h(
    "button",
    { type: "button", class: "icon", title: "Shortcuts", "aria-label": "Shortcuts", onclick: shortcuts },
    "⚡",
  );
  const send = h("button", { type: "submit", class: "button primary", "aria-label": "Send" }, "Send");
  form.replaceChildren(menu, h("div", { class: "composer-row" }, place().thread ? null : bolt, field, send));
  form.onsubmit = (event) => {
    event.preventDefault();
    submit();
  };

  function grow() {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 180)}px`;
    const typed = field.value;
    const commands = place().app.commands.filter(
      (c) => typed.startsWith("/") && (c.command.startsWith(typed) || typed.startsWith(`${c.command} `)),
    );
    list(commands.map((c) => item(`${c.command} ${c.usage_hint}`, c.description, () => use(`${c.command} `))));
  }

  function use(text) {
    field.value = text;
    field.focus();
    grow();
  }

  function item(title, description, onpick) {
    return h(
      "li",
      {},
      h("button", { type: "button", onclick: onpick }, h("strong", {}, title), h("small", {}, description)),
    );
  }

  function list(items) {
    menu.replaceChildren(...items);
    menu.hidden = !items.length;
  }

  function shortcuts() {
    if (!menu.hidden) return list([]);
    const { app, user } = place();
    const start = (s) => async () => {
      list([]);
      const receipt = await control("shortcut", { user, callback_id: s.callback_id });
      if (receipt && !receipt.ok) toast(`${s.name} did not work: ${receipt.error}`);
    };
    return list(app.shortcuts.map((s) => item(s.name, "Shortcut", start(s))));
  }

  function keys(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape") list([]);
    else if (event.key === "ArrowUp" && !field.value && history.length) {
      event.preventDefault();
      recalled = Math.min(recalled + 1, history.length);
      use(history.at(-recalled));
    }
  }

  async function submit() {
    const text = field.value.trim();
    if (!text) return;
    const { user, channel, thread } = place();
    if (thread && text.startsWith("/")) {
      toast("Slash commands do not work in threads. Write it in the channel.");
      return;
    }
    history.push(text);
    recalled = 0;
    field.value = "";
    grow();
    list([]);
    if (text.startsWith("/")) await control("command", { user, channel, text });
    else await control("say", { user, channel, text: mentions(text, place()), thread_ts: thread });
  }
}

/** `@bob` and `#general` as Slack stores them. */
function mentions(text, { names }) {
  const escaped = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return escaped.replace(/([@#])([\w-]+)/g, (whole, sign, name) => {
    if (sign === "#") {
      const channel = Object.entries(names.channels).find(([, n]) => n === name);
      return channel ? `<#${channel[0]}>` : whole;
    }
    const person = [...names.people.values()].find((p) => p.name === name);
    const group = [...names.groups.values()].find((g) => g.handle === name);
    return person ? `<@${person.id}>` : group ? `<!subteam^${group.id}>` : whole;
  });
}
