// The page: who acts, what is open, and drawing the server's snapshot each time something has changed.

import { blocks } from "./blocks.js";
import { composer } from "./composer.js";
import { Modal, confirmed, enlarge } from "./dialogs.js";
import { MessageList } from "./messages.js";
import { Text } from "./mrkdwn.js";
import { avatar, control, h } from "./util.js";

const byId = (id) => document.getElementById(id);
const store = (key, value) => localStorage.setItem(key, JSON.stringify(value));
const load = (key, otherwise) => JSON.parse(localStorage.getItem(key) ?? JSON.stringify(otherwise));

// Where we are stands in the address: #user/channel-or-home/thread
const view = { user: "U0ALICE", channel: "C0INCIDENTS", thread: "" };
const seenTimes = load("seen", {}); // "user place" -> ts of the last message seen there
const dismissed = new Set();
let snapshot = null;
let names = null;
let text = null;
let newSince = 0;

const seen = (place) => seenTimes[`${view.user} ${place}`] ?? 0;
const context = () => ({
  user: view.user,
  channel: view.channel,
  thread: view.thread,
  app: snapshot.workspace.app,
  text,
  names,
  seen,
  openThread: (ts) => go({ thread: ts }),
  dismiss: (ts) => (dismissed.add(ts), draw()),
});

const channelList = new MessageList(byId("messages"), context);
const threadList = new MessageList(byId("replies"), () => ({ ...context(), openThread: () => {} }));
const modal = new Modal(context);

function go(change) {
  const next = { ...view, ...change };
  if (change.channel && change.thread === undefined) next.thread = "";
  document.body.classList.remove("menu");
  location.hash = [next.user, next.channel, next.thread].join("/").replace(/\/$/, "");
}

function readAddress() {
  const archive = location.pathname.match(/^\/archives\/(\w+)\/p(\d{10})(\d{6})$/);
  if (archive) {
    const thread = new URLSearchParams(location.search).get("thread_ts") ?? `${archive[2]}.${archive[3]}`;
    history.replaceState(null, "", `/#${load("user", view.user)}/${archive[1]}/${thread}`);
  }
  const [user, channel, thread] = location.hash.slice(1).split("/");
  Object.assign(view, {
    user: user || load("user", view.user),
    channel: channel || view.channel,
    thread: thread ?? "",
  });
  store("user", view.user);
  newSince = seen(view.channel);
  byId("main").dataset.home = "";
  if (view.channel === "home") control("open_home", { user: view.user });
  refresh();
}

let fetching = false;
let again = false;

/** Fetch the snapshot and draw it; while one is under way, once more afterwards. */
async function refresh() {
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  try {
    do {
      again = false;
      const query = new URLSearchParams({ user: view.user, channel: view.channel, thread: view.thread });
      const reply = await fetch(`/_page/seen?${query}`);
      if (!reply.ok) throw new Error(await reply.text());
      snapshot = await reply.json();
      draw();
    } while (again);
  } finally {
    fetching = false;
  }
}

function draw() {
  const { workspace, me } = snapshot;
  names = {
    me,
    people: new Map(workspace.people.map((p) => [p.id, p])),
    groups: new Map(workspace.groups.map((g) => [g.id, g])),
    channels: workspace.channel_names,
  };
  text = new Text(names);
  const channel = snapshot.channels.find((c) => c.id === view.channel);
  if (!channel && view.channel !== "home") return go({ channel: snapshot.channels[0].id });
  const visible = (list) => list.filter((m) => !dismissed.has(m.ts));
  drawSidebar();
  drawBanner();
  document.body.classList.toggle("in-thread", Boolean(view.thread));
  if (channel) {
    byId("main").className = "";
    drawHead(channel);
    channelList.show(`${view.user} ${channel.id}`, visible(snapshot.messages), {
      newSince: newSince && Number(channel.latest) > newSince ? newSince : 0,
      empty: `This is the beginning of #${channel.name}.`,
    });
    markSeen(channel.id, channel.latest);
  } else drawHome();
  drawThread(visible(snapshot.thread));
  modal.show(snapshot.modal, snapshot.depth);
  prepareComposers();
  return undefined;
}

function markSeen(place, latest) {
  if (document.hidden || Number(latest) <= seen(place)) return;
  seenTimes[`${view.user} ${place}`] = Number(latest);
  store("seen", seenTimes);
}

let composedFor = "";

function prepareComposers() {
  const wanted = [view.user, view.channel, view.thread].join();
  if (wanted === composedFor) return;
  composedFor = wanted;
  const channel = names.channels[view.channel];
  byId("composer").hidden = !channel;
  const me = names.people.get(view.user);
  composer(byId("composer"), () => ({ ...context(), thread: "" }), `Write as ${me.name}, or type /`);
  composer(byId("thread-composer"), context, `Reply as ${me.name}`);
}

function drawHead(channel) {
  const shared = channel.is_ext_shared ? h("span", { class: "badge" }, "shared with another company") : null;
  byId("channel-head").replaceChildren(
    menuButton(),
    h(
      "div",
      { class: "title" },
      h("h1", {}, `${channel.is_private ? "🔒 " : "# "}${channel.name}`, shared),
      h("p", {}, channel.topic),
    ),
    h("span", { class: "count", title: "Members" }, `${channel.members} people`),
  );
}

function drawHome() {
  const me = names.people.get(view.user);
  byId("main").className = "home";
  byId("channel-head").replaceChildren(
    menuButton(),
    h("div", { class: "title" }, h("h1", {}, snapshot.workspace.app.name), h("p", {}, "Home")),
  );
  const drawn = JSON.stringify([view.user, snapshot.home?.hash]);
  if (byId("main").dataset.home === drawn) return;
  byId("main").dataset.home = drawn;
  channelList.place = "";
  const press = async (e, value, node, block) => {
    if (e.confirm && !(await confirmed(e.confirm, text))) return;
    node.classList.add("busy");
    await control("press", {
      user: view.user,
      action_id: e.action_id,
      value: value ?? null,
      view: "home",
      block_id: block,
    });
    node.classList.remove("busy");
  };
  const suggest = (e, typed) => control("options", { user: view.user, action_id: e.action_id, typed, view: "home" });
  const content = snapshot.home
    ? blocks(snapshot.home.blocks, { text, names, state: snapshot.home.state.values, act: press, suggest })
    : h("p", { class: "empty" }, `${snapshot.workspace.app.name} has not published a Home tab for ${me.name} yet.`);
  byId("messages").replaceChildren(h("div", { class: "home-body content" }, content));
}

function drawThread(messages) {
  byId("thread").hidden = !view.thread;
  if (!view.thread) return;
  byId("thread-head").replaceChildren(
    h("div", { class: "title" }, h("h1", {}, "Thread"), h("p", {}, `# ${names.channels[view.channel] ?? ""}`)),
    h(
      "button",
      { type: "button", class: "icon", "aria-label": "Close thread", onclick: () => go({ thread: "" }) },
      "×",
    ),
  );
  threadList.show(`${view.user} ${view.thread}`, messages, {
    inThread: true,
    root: view.thread,
    empty: "There is no such thread.",
  });
  if (messages.length) markSeen(view.thread, messages.at(-1).ts);
}

function drawBanner() {
  const banner = byId("banner");
  banner.hidden = snapshot.connected;
  banner.textContent = `${snapshot.workspace.app.name} is not connected. Commands and buttons will fail until it is.`;
}

function drawSidebar() {
  const { workspace, channels } = snapshot;
  const unread = channels.filter((c) => c.id !== view.channel && Number(c.latest) > seen(c.id));
  document.title = `${unread.length ? `(${unread.length}) ` : ""}${names.channels[view.channel] ?? workspace.app.name} · ${workspace.name}`;
  const entry = (id, sign, name, fresh) =>
    h(
      "button",
      {
        type: "button",
        class: fresh ? "unread" : "",
        "aria-current": id === view.channel ? "page" : null,
        onclick: () => go({ channel: id }),
      },
      h("span", { class: "sign", "aria-hidden": "true" }, sign),
      name,
      fresh ? h("span", { class: "dot", title: "New messages" }) : null,
    );
  const who = workspace.people.filter((p) => !p.is_bot && !p.deleted);
  const role = (p) => (p.is_stranger ? "other workspace" : p.is_restricted ? "guest" : p.title);
  const drawn = JSON.stringify([
    view.user,
    view.channel,
    channels,
    unread.length,
    snapshot.workspace,
    load("theme", ""),
  ]);
  if (byId("sidebar").dataset.drawn === drawn) return;
  byId("sidebar").dataset.drawn = drawn;
  byId("sidebar").replaceChildren(
    h("div", { class: "brand" }, h("strong", {}, workspace.name), h("small", {}, "local workspace"), themeButton()),
    h(
      "div",
      { class: "people", role: "radiogroup", "aria-label": "Act as" },
      h("h2", {}, "Act as"),
      who.map((p) =>
        h(
          "button",
          {
            type: "button",
            role: "radio",
            "aria-checked": String(p.id === view.user),
            "data-user": p.id,
            onclick: () => go({ user: p.id }),
          },
          avatar(p, "small"),
          h("span", {}, h("strong", {}, p.name), h("small", {}, role(p))),
        ),
      ),
    ),
    h(
      "div",
      { class: "places" },
      h("h2", {}, "Channels"),
      channels.map((c) => entry(c.id, c.is_private ? "🔒" : "#", c.name, unread.includes(c))),
      h("h2", {}, "Apps"),
      entry("home", "⟳", workspace.app.name, false),
    ),
  );
}

const menuButton = () =>
  h(
    "button",
    {
      type: "button",
      class: "icon menu-button",
      "aria-label": "Channels and people",
      onclick: () => document.body.classList.toggle("menu"),
    },
    "☰",
  );

const THEMES = { "": ["◐", "Theme: as the system"], light: ["☀", "Theme: light"], dark: ["☾", "Theme: dark"] };

function themeButton() {
  const theme = load("theme", "");
  const next = Object.keys(THEMES)[(Object.keys(THEMES).indexOf(theme) + 1) % 3];
  const change = () => {
    store("theme", next);
    document.documentElement.dataset.theme = next;
    drawSidebar();
  };
  return h(
    "button",
    { type: "button", class: "icon", title: THEMES[theme][1], "aria-label": THEMES[theme][1], onclick: change },
    THEMES[theme][0],
  );
}

/** Links to messages of this workspace and to channels open here; pictures open large. */
function follow(event) {
  const picture = event.target.closest("img[data-zoom]");
  if (picture) return enlarge(picture);
  const link = event.target.closest("a[href]");
  if (!link || new URL(link.href).origin !== location.origin) return undefined;
  const [, channel, stamp] = new URL(link.href).pathname.match(/^\/archives\/(\w+)\/(\w+)$/) ?? [];
  if (!channel) return undefined;
  event.preventDefault();
  const ts = stamp.replace(/^p(\d{10})(\d{6})$/, "$1.$2");
  return go({ channel, thread: stamp === "latest" ? "" : (new URL(link.href).searchParams.get("thread_ts") ?? ts) });
}

document.documentElement.dataset.theme = load("theme", "");
document.addEventListener("click", follow);
document.addEventListener("visibilitychange", () => !document.hidden && refresh());
window.addEventListener("hashchange", readAddress);
const stream = new EventSource("/_page/stream");
stream.onmessage = refresh;
stream.onerror = () => {
  byId("banner").hidden = false;
  byId("banner").textContent = "The local workspace does not answer. Trying again …";
};
readAddress();
