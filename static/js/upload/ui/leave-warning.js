/* Asks for confirmation before the page is left while `isActive`: while it has files that are not uploaded. */

export class LeaveWarning {
  isActive = false;

  constructor(signal) {
    addEventListener("beforeunload", (event) => this.isActive && event.preventDefault(), { signal });
  }
}
