// Where an incident is, on a map that comes when somebody opens it. The words above it say the same.

const part = document.getElementById("where");
part.hidden = false;
part.addEventListener(
  "toggle",
  async () => {
    const { open } = await import("/assets/map/map.js").catch(() => ({}));
    const { sectors, lon, lat } = part.dataset;
    const ids = sectors.split(" ");
    const map = await open?.(part.querySelector("div"), { schools: true });
    if (!map) return;
    map.frame(ids);
    map.light(ids);
    if (lon) map.mark({ lon: Number(lon), lat: Number(lat), accuracy_m: 0 });
  },
  { once: true },
);
