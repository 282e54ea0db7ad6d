// Forms, confirm dialogs and enlarged pictures: the three <dialog> elements of the page.

import { blocks } from "./blocks.js";
import { control, h } from "./util.js";

const byId = (id) => document.getElementById(id);

/** Ask what a button's `confirm` object asks; resolves to true only for its confirm button. */
export function confirmed(confirm, text) {
  const dialog = byId("confirm");
  return new Promise((resolve) => {
    const answer = (yes) => () => {
      dialog.onclose = null;
      dialog.close();
      resolve(yes);
    };
    dialog.onclose = answer(false);
    dialog.setAttribute("aria-label", confirm.title.text);
    dialog.replaceChildren(
      h("h2", {}, text.object(confirm.title)),
      h("div", { class: "dialog-body" }, text.object(confirm.text)),
      h(
        "footer",
        {},
        h(
          "button",
          { type: "button", class: "button", onclick: answer(false) },
          text.object(confirm.deny ?? { type: "plain_text", text: "Cancel" }),
        ),
        h(
          "button",
          {
            type: "button",
            class: `button ${confirm.style ?? "primary"}`,
            "data-confirm": true,
            onclick: answer(true),
          },
          text.object(confirm.confirm ?? { type: "plain_text", text: "Confirm" }),
        ),
      ),
    );
    dialog.showModal();
    dialog.querySelector("[data-confirm]").focus();
  });
}

/** Show a picture as large as the window allows. */
export function enlarge(img) {
  const dialog = byId("lightbox");
  dialog.setAttribute("aria-label", img.alt || "Picture");
  dialog.replaceChildren(
    h("img", { src: img.src, alt: img.alt }),
    h("p", {}, img.alt),
    h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => dialog.close() }, "×"),
  );
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.showModal();
}

/** The form on somebody's screen; redrawn only when the app or Slack changed it, so that typing is never lost. */
export class Modal {
  constructor(context) {
    this.context = context; // () => {user, text, names}
    this.drawn = "";
    this.dialog = byId("modal");
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close(false);
    });
  }

  show(view, depth) {
    const wanted = view
      ? JSON.stringify([this.context().user, view.id, view.hash, view.errors, view.notice, depth])
      : "";
    if (wanted === this.drawn) return;
    const fresh = view && !this.drawn.includes(view.id);
    this.drawn = wanted;
    if (!view) {
      this.dialog.close();
      return;
    }
    this.draw(view, depth);
    if (!this.dialog.open) this.dialog.showModal();
    const wrong = this.dialog.querySelector('[aria-invalid="true"]');
    wrong?.closest(".b-input").scrollIntoView({ block: "center" });
    if (wrong) wrong.focus({ preventScroll: true });
    else if (fresh) this.dialog.querySelector(".dialog-body :is(input, select, textarea)")?.focus();
  }

  draw(view, depth) {
    const { user, text, names } = this.context();
    this.fields = [];
    const ctx = {
      text,
      names,
      state: view.state.values,
      errors: view.errors,
      register: (block, element, made) => block.type === "input" && this.fields.push([block.block_id, made]),
      act: (e, value, node, block) => this.act(user, e, value, node, block),
      suggest: (e, typed) => control("options", { user, action_id: e.action_id, typed }),
    };
    const asks = view.submit || view.blocks.some((b) => b.type === "input");
    const close = view.close ? text.object(view.close) : depth > 1 ? "Back" : "Cancel";
    this.submitButton = asks
      ? h("button", { type: "submit", class: "button primary" }, view.submit ? text.object(view.submit) : "Submit")
      : null;
    this.dialog.setAttribute("aria-label", view.title?.text ?? "Form");
    this.dialog.replaceChildren(
      h(
        "form",
        { novalidate: true, onsubmit: (event) => (event.preventDefault(), this.submit(user, view)) },
        h(
          "header",
          {},
          h("h2", {}, text.object(view.title)),
          h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => this.close(true) }, "×"),
        ),
        h(
          "div",
          { class: "dialog-body" },
          view.notice ? h("p", { class: "error notice", role: "alert" }, view.notice) : null,
          blocks(view.blocks, ctx),
        ),
        h(
          "footer",
          {},
          h("button", { type: "button", class: "button", onclick: () => this.close(false) }, close),
          this.submitButton,
        ),
      ),
    );
  }

  async act(user, e, value, node, block) {
    if (e.type === "button" && e.confirm && !(await confirmed(e.confirm, this.context().text))) return;
    if (e.type === "button") node.classList.add("busy");
    await control("press", { user, action_id: e.action_id, value: value ?? null, block_id: block });
    node.classList.remove("busy");
  }

  async submit(user, view) {
    const values = Object.fromEntries(this.fields.map(([block, made]) => [block, made.value()]));
    this.submitButton.disabled = true;
    await control("submit", { user, view: view.id, values });
    this.submitButton.disabled = false;
  }

  close(everything) {
    control("close", { user: this.context().user, everything });
  }
}
