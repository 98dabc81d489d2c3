/** What a run that was ended is rejected with. */
export class Cancelled extends Error {
  constructor() {
    super("The run was ended.");
    this.name = "Cancelled";
  }
}
