/* <passkey-form kind="create|get">: a form whose button has the browser sign with a passkey. The signed credential goes into the hidden field
   `credential`, and the form is submitted. The options come from a JSON script element (data-options, its id), or from a URL
   (data-options-url). Without JavaScript, or in a browser without passkeys, the form stays hidden. */
import { creationOptions, credentialJson, requestOptions } from "../webauthn-json.js";

const ERRORS = {
  NotAllowedError: "No passkey was used. Try again or choose another way.",
  InvalidStateError: "This device already has a passkey for this account.",
  SecurityError: "Passkeys don’t work at this address. Open the site’s https address.",
};
const OTHER_ERROR = "Something went wrong. Try again.";

class PasskeyForm extends HTMLElement {
  connectedCallback() {
    if (!window.isSecureContext || !window.PublicKeyCredential) return;
    this.hidden = false;
    this.querySelector("form").addEventListener("submit", this.#onSubmit);
  }

  #onSubmit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const options = await this.#fetchOptions();
      form.elements.credential.value = JSON.stringify(credentialJson(await this.#sign(form, options.publicKey)));
      form.submit();
    } catch (error) {
      this.querySelector("[role=status]").textContent = ERRORS[error.name] ?? OTHER_ERROR;
    } finally {
      button.disabled = false;
    }
  };

  #sign(form, options) {
    const { credentials } = navigator;
    if (this.getAttribute("kind") === "get") return credentials.get({ publicKey: requestOptions(options) });
    return credentials.create({ publicKey: creationOptions(options, form.elements.passwordless?.checked ?? false) });
  }

  async #fetchOptions() {
    const { options, optionsUrl } = this.dataset;
    if (options) return JSON.parse(document.getElementById(options).textContent);
    const response = await fetch(optionsUrl, { headers: { Accept: "application/json" } });
    if (!response.ok) throw new Error(`The server responded with status ${response.status}.`);
    return (await response.json()).request_options;
  }
}

customElements.define("passkey-form", PasskeyForm);
