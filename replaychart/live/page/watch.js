// The page of `replaychart watch`: shows what the server sends.

const status = document.getElementById("status");
const view = new LiveView(document.getElementById("chart"), {});
let whole = null, message = "";
const events = new EventSource("events");
const on = (name, take) => events.addEventListener(name, (event) => take(JSON.parse(event.data)));
const failed = (error) => { console.error(error); status.textContent = String(error); };
on("whole", (value) => { whole = value; view.show(whole, null).catch(failed); });
on("changes", (value) => { if (whole) view.show(whole, value).catch(failed); });
on("status", (value) => { status.textContent = message = value; });
events.onerror = () => { status.textContent = "The connection is lost. Is the command still running?"; };
events.onopen = () => { status.textContent = message; };
