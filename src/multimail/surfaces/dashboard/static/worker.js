/* Tells that mail waits (Push API 10), and opens the queue. What comes in is a number; it names no address to open. */
"use strict";

const QUEUE = "/dashboard/queue";

addEventListener("push", (event) => {
  let waiting = 0;
  try { waiting = Number(event.data.json().waiting) || 0; } catch { /* told all the same: the browser demands it */ }
  const body = waiting === 1 ? "1 email waits for your decision." : waiting > 1 ? `${waiting} emails wait for your decision.` : "";
  event.waitUntil(registration.showNotification("MultiMail", { body, tag: "queue", renotify: true }));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    // Also those that were open before this worker was there, and so are not under its control.
    const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
    const open = pages.find((page) => new URL(page.url).pathname === QUEUE);
    await (open ? open.focus() : clients.openWindow(QUEUE));
  })());
});
