// Small helpers: building DOM nodes, talking to the server, dates, avatars.

/** Build an element: `h("p", {class: "x", onclick: f}, "text", node, [more])`; null children are left out. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key in node && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** One operation of the control API; failures are shown and come back as null. */
export async function control(operation, args) {
  try {
    const reply = await fetch(`/_control/${operation}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(args),
    });
    const answer = await reply.json();
    if (answer.ok) return answer.result === undefined ? {} : answer.result;
    toast(answer.error);
  } catch {
    toast("The local workspace does not answer. Is it still running?");
  }
  return null;
}

export function toast(text) {
  const node = h("div", { class: "toast" }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), 6000);
}

const COLOURS = ["#0f6b62", "#8a4b12", "#5b4bb2", "#a3324f", "#2a6296", "#56701a", "#7a3f8f"];

/** A person's picture: initials on a colour of their own; the app has its glyph. */
export function avatar(person, size = "") {
  const name = person?.real_name || "?";
  const initials = person?.is_bot
    ? "⟳"
    : name
        .split(/\s+/)
        .map((w) => w[0])
        .slice(0, 2)
        .join("");
  const sum = [...(person?.id || "")].reduce((n, c) => n + c.charCodeAt(0), 0);
  const style = `background:${person?.is_bot ? "#26323b" : COLOURS[sum % COLOURS.length]}`;
  return h("span", { class: `avatar ${size} ${person?.is_bot ? "bot" : ""}`, style, "aria-hidden": "true" }, initials);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

export const time = (ts) => clock.format(new Date(ts * 1000));
export const fullTime = (ts) => full.format(new Date(ts * 1000));

/** "Today", "Yesterday" or the day's name and date. */
export function dayName(ts) {
  const date = new Date(ts * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : day.format(date);
}

/** Slack's date tokens: `{date_short_pretty} at {time}`. */
export function dateTokens(ts, format) {
  const date = new Date(ts * 1000);
  const part = (options) => new Intl.DateTimeFormat(undefined, options).format(date);
  const pretty = (otherwise) => {
    const name = dayName(ts);
    return name === "Today" || name === "Yesterday" ? name.toLowerCase() : otherwise;
  };
  const long = part({ weekday: "long", year: "numeric", month: "long", day: "numeric" });
  const medium = part({ year: "numeric", month: "long", day: "numeric" });
  const short = part({ year: "numeric", month: "short", day: "numeric" });
  const tokens = {
    date_num: date.toISOString().slice(0, 10),
    date: medium,
    date_short: short,
    date_long: long,
    date_pretty: pretty(medium),
    date_short_pretty: pretty(short),
    date_long_pretty: pretty(long),
    time: time(ts),
    time_secs: part({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
    ago: ago(ts),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => tokens[name] ?? whole);
}

function ago(ts) {
  const minutes = Math.round((Date.now() / 1000 - ts) / 60);
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  if (Math.abs(minutes) < 60) return relative.format(-minutes, "minute");
  if (Math.abs(minutes) < 1440) return relative.format(-Math.round(minutes / 60), "hour");
  return relative.format(-Math.round(minutes / 1440), "day");
}

export const fileSize = (bytes) =>
  bytes < 1024
    ? `${bytes} B`
    : bytes < 1048576
      ? `${(bytes / 1024).toFixed(1)} kB`
      : `${(bytes / 1048576).toFixed(1)} MB`;
