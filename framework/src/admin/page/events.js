// What happened last, the newest first.

let shownEvents = "";

// Made anew only when there is something new, so that what is selected stays so.
function showEvents(events) {
  const today = new Date().toDateString();
  const key = JSON.stringify([today, events]);
  if (key === shownEvents) return;
  shownEvents = key;
  const list = byId("events");
  list.replaceChildren(...events.map((event) => eventItem(event, today)).reverse());
  if (!events.length) list.append(Object.assign(element("li", "none"), { textContent: "none yet" }));
}

function eventItem(event, today) {
  const item = document.createElement("li");
  const at = new Date(event.at_ms);
  const stamp = element("time", "");
  stamp.dateTime = at.toISOString();
  const day = at.toDateString() === today ? "" : at.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  stamp.textContent = `${day} ${at.toLocaleTimeString(undefined, { hour12: false })}`.trim();
  const text = element("span", "");
  text.textContent = event.text;
  item.append(stamp, text);
  return item;
}
