/* <passkey-form kind="create|get">: a form whose button lets the browser sign with a passkey, puts what it signed into the hidden
   field `credential`, and sends the form. What is to be signed comes from the JSON script beside it (data-options, an id), or from
   an address (data-options-url). Without this script, or where the browser knows no passkeys, the form stays hidden. */
import { creationOptions, requestOptions, signed } from "../webauthn-json.js";

const WORDS = {
  NotAllowedError: "No passkey was used. Try again, or choose another way.",
  InvalidStateError: "This device has a passkey for this account already.",
  SecurityError: "Passkeys do not work at this address. Open the site by its https address.",
};
const OTHERWISE = "That did not work. Try again in a moment.";

class PasskeyForm extends HTMLElement {
  connectedCallback() {
    if (!window.isSecureContext || !window.PublicKeyCredential) return;
    this.hidden = false;
    this.querySelector("form").addEventListener("submit", this.#sign);
  }

  #sign = async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const options = await this.#options();
      form.elements.credential.value = JSON.stringify(signed(await this.#ask(form, options.publicKey)));
      form.submit();
    } catch (error) {
      this.querySelector("[role=status]").textContent = WORDS[error.name] ?? OTHERWISE;
    } finally {
      button.disabled = false;
    }
  };

  #ask(form, options) {
    const { credentials } = navigator;
    if (this.getAttribute("kind") === "get") return credentials.get({ publicKey: requestOptions(options) });
    return credentials.create({ publicKey: creationOptions(options, form.elements.passwordless?.checked ?? false) });
  }

  async #options() {
    const { options, optionsUrl } = this.dataset;
    if (options) return JSON.parse(document.getElementById(options).textContent);
    const answer = await fetch(optionsUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    return (await answer.json()).request_options;
  }
}

customElements.define("passkey-form", PasskeyForm);
