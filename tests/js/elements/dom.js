/* Stands in for the browser where a module with a custom element is imported for its pure functions. Import it first. */
globalThis.HTMLElement = class {};
globalThis.customElements = { define() {} };
