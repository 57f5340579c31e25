// What the search box finds: tasks by number, name or place, queues by name, and polls by what
// happened in them or by how long they lasted or their tasks had waited.
"use strict";
(function (L) {
  const { End } = L;
  const UNITS = { ns: 1, us: 1e3, "\u00b5s": 1e3, "\u03bcs": 1e3, ms: 1e6, s: 1e9 };
  const LIMIT = /^(polls?|waits?)?\s*(?:over|above|>)\s*([\d.]+)\s*(ns|us|\u00b5s|\u03bcs|ms|s)$/;
  const ENDS = { yielded: End.YIELDED, panicked: End.PANICKED, cancelled: End.CANCELLED };

  /** A hit: the moment to go to, its task or -1, its queue or -1, and what to say of it. */
  const ofPoll = (r, poll, note) =>
    ({ event: poll.start + 1, task: poll.task, queue: -1, poll, note });

  function byLength(r, [, what, number, unit]) {
    const least = Number(number) * UNITS[unit];
    const waits = what?.startsWith("wait");
    const length = (poll) => (waits ? (poll.scheduled < 0 ? 0 : r.waited(poll)) : r.lasted(poll));
    return r.polls.filter((poll) => length(poll) > least).map((poll) =>
      ofPoll(r, poll, `${waits ? "waited" : "polled"} ${L.time(length(poll))}`));
  }

  function byEnd(r, end) {
    return r.polls.filter((poll) => poll.how === end).map((poll) => ofPoll(r, poll, "poll"));
  }

  function byText(r, wanted) {
    const isNumber = /^#?\d+$/.test(wanted);
    const fits = (task) => isNumber
      ? String(task.id) === wanted.replace("#", "")
      : `${task.name} ${task.place}`.toLowerCase().includes(wanted);
    const queues = r.queues.flatMap((name, queue) => {
      if (isNumber || !`${name} queue`.toLowerCase().includes(wanted)) return [];
      const event = r.queue.indexOf(queue) + 1;
      return [{ event, task: -1, queue, note: `queue, up to ${L.count(r.maxDepth[queue], "task", "tasks")}` }];
    });
    const tasks = r.tasks.flatMap((task, t) =>
      fits(task) ? [{ event: r.story(t)[0] + 1, task: t, queue: -1, note: "" }] : []);
    return [...queues, ...tasks];
  }

  /** What a text asks for: nothing, or a row of hits and what is to be seen of the rest. */
  L.find = function (r, text) {
    const wanted = text.trim().toLowerCase();
    if (!wanted) return undefined;
    const limit = LIMIT.exec(wanted);
    if (limit) return onlyPolls(r, byLength(r, limit));
    if (wanted in ENDS) return onlyPolls(r, byEnd(r, ENDS[wanted]));
    if (wanted === "stolen") {
      const stolen = r.polls.filter((poll) => poll.victim >= 0);
      return onlyPolls(r, stolen.map((poll) => ofPoll(r, poll, "from another worker")));
    }
    const hits = byText(r, wanted);
    const tasks = new Uint8Array(r.tasks.length);
    const queues = new Set();
    for (const hit of hits) {
      if (hit.task >= 0) tasks[hit.task] = 1;
      else queues.add(hit.queue);
    }
    return { hits, shows: (task, queue) => tasks[task] === 1 || queues.has(queue) };
  };

  /** Hits that are polls. Of a task that is drawn as a token, it counts that it has one. */
  function onlyPolls(r, hits) {
    const polls = new Set(hits.map((hit) => hit.poll));
    const tasks = new Set(hits.map((hit) => hit.task));
    return { hits, shows: (task, queue, poll) => (poll ? polls.has(poll) : tasks.has(task)) };
  }

  /** A hit in words: what it is called, and where it comes from. */
  L.hitWords = function (r, hit) {
    if (hit.task < 0) return [r.queues[hit.queue], hit.note];
    const at = hit.poll ? `at ${L.time(r.at[hit.event - 1])}` : "";
    return [L.title(r, hit.task), [hit.note, at, r.tasks[hit.task].place].filter(Boolean).join(" \u00b7 ")];
  };
})(globalThis.LanewayReplay);
