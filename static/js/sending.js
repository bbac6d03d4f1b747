/* Bytes on their way: how many of how many, how fast, how long still; and a warning to whoever would close the page. */
import { total } from "./choice.js";
import { bytes, duration, plural } from "./format.js";
import { Pace } from "./pace.js";

export class Sending {
  stopped = false;
  #form;
  #pace = new Pace();

  constructor(form, files) {
    this.files = files;
    this.#form = form;
    this.#part("sending").hidden = false;
    this.#part("send").removeAttribute("data-ready");
    form.dataset.sendingNow = "";
    addEventListener("beforeunload", ask);
    this.#pace.mark(performance.now(), 0);
    this.#show(0, total(files));
  }

  /** The browser reports the answer's bytes by the same event; the form's are never fewer than its files. */
  progress({ loaded, total: all }) {
    if (all < total(this.files)) return;
    this.#pace.mark(performance.now(), loaded);
    this.#show(loaded, all);
    if (loaded >= all) removeEventListener("beforeunload", ask); // it is the server's now
  }

  stop() {
    this.stopped = true;
    htmx.trigger(this.#form, "htmx:abort");
  }

  end() {
    removeEventListener("beforeunload", ask);
    delete this.#form.dataset.sendingNow;
    this.#part("sending").hidden = true;
  }

  #show(loaded, all) {
    const whole = loaded >= all && all > 0;
    const [rate, left] = [this.#pace.rate, this.#pace.left(all)];
    const bar = this.#part("bar");
    bar.max = all || 1;
    bar.value = loaded;
    this.#part("sent").textContent = whole
      ? "All sent. The server is putting them in order…"
      : `Sending ${plural(this.files.length, "photo")}: ${bytes(loaded)} of ${bytes(all)}`;
    this.#part("pace").textContent = whole || rate === null ? "" : `${bytes(rate)}/s${left === null ? "" : `, about ${duration(left)} left`}`;
  }

  #part(name) {
    return this.#form.querySelector(`[data-${name}]`);
  }
}

function ask(event) {
  event.preventDefault();
}
