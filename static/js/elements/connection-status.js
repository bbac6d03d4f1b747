/* <connection-note>: guards the regions that are polled, and says quietly when the server cannot be heard.

   Where what the page shows was deleted, it says so (data-gone, and data-back with data-back-words), or that it is in the trash
   (data-trash, data-restore), and the event "gone" tells the rest of the page.

   A region is replaced only by itself: a sign-in page, or whatever a proxy answers, never takes its place. */

class ConnectionNote extends HTMLElement {
  #pressed = false;
  #stop = new AbortController();

  connectedCallback() {
    const { signal } = this.#stop;
    const on = (names, act) => names.forEach((name) => document.addEventListener(name, act, { signal, capture: true }));
    on(["htmx:beforeSwap"], this.#guard);
    on(["htmx:sendError", "htmx:responseError", "htmx:timeout"], this.#lost);
    // Replacing a button between press and release would swallow the click.
    on(["pointerdown"], () => (this.#pressed = true));
    on(["pointerup", "pointercancel", "dragend"], () => (this.#pressed = false));
    on(["keydown"], (event) => (this.#pressed ||= event.key === " "));
    on(["keyup"], () => (this.#pressed = false));
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  #guard = (event) => {
    const { target, xhr, requestConfig } = event.detail;
    if (!target?.id) return;
    if (isPoll(requestConfig) && this.#pressed) {
      event.detail.shouldSwap = false;
    } else if (xhr.status < 300 && !xhr.responseText.includes(`id="${target.id}"`)) {
      event.detail.shouldSwap = false;
      this.#say("You have been signed out.", { textContent: "Sign in again", target: "_blank" }); // chosen files stay here
    } else if (event.detail.shouldSwap) {
      this.hidden = true;
    }
  };

  #lost = (event) => {
    const { requestConfig, xhr } = event.detail;
    if (!isPoll(requestConfig)) this.#say("That did not work. Try again in a moment.");
    else if (xhr?.status === 404 || xhr?.status === 410) this.#tellGone(xhr.status === 410);
    else if (!requestConfig.elt.matches("[hx-trigger]")) return;
    else this.#say(navigator.onLine ? "The server does not answer. Trying again…" : "No network. This page goes on by itself when it is back.");
  };

  #tellGone(isInTrash) {
    const { gone = "This is not here any more.", back = location.href, backWords = "Reload the page", trash, restore } = this.dataset;
    if (isInTrash && trash) this.#say(trash, { href: location.href, textContent: restore });
    else this.#say(gone, { href: back, textContent: backWords });
    this.dispatchEvent(new Event("gone", { bubbles: true }));
  }

  #say(words, remedy) {
    if (!this.hidden && this.dataset.words === words) return;
    this.dataset.words = words;
    this.replaceChildren(words);
    if (remedy) {
      this.append(" ", Object.assign(document.createElement("a"), { href: location.href, ...remedy }));
    }
    this.hidden = false;
  }
}

function isPoll(config) {
  return config?.verb === "get";
}

customElements.define("connection-note", ConnectionNote);
