/* Replaces the browser's globals, so that a module with a custom element can be imported for its pure functions. Import it first. */
globalThis.HTMLElement = class {};
globalThis.customElements = { define() {} };
