// The script of the chapters' pages: lines of code that are indented where a phone wraps them, predictions
// that let one guess again, replays that light up the lines of a run and can be printed.
"use strict";

// Code. A line that is too long for a phone goes on below, further to the right than it began.

/** The lines of a node. A span over several of them is one in each. */
function linesOf(node) {
    const lines = [[]];
    for (const child of node.childNodes) {
        const pieces = child.nodeType === Node.TEXT_NODE
            ? child.data.split(/(?<=\n)/).map((text) => new Text(text))
            : linesOf(child).map((line) => {
                const copy = child.cloneNode(false);
                copy.append(...line);
                return copy;
            });
        for (const piece of pieces) {
            if (lines.at(-1).at(-1)?.textContent.endsWith("\n")) lines.push([]);
            lines.at(-1).push(piece);
        }
    }
    return lines;
}

/** Puts the first columns of a line into a span: a phone has a margin in their place. */
function setIndentApart(line, columns) {
    const text = document.createTreeWalker(line, NodeFilter.SHOW_TEXT).nextNode();
    if (!text || columns === 0) return;
    text.splitText(Math.min(columns, text.length));
    const indent = document.createElement("span");
    indent.className = "code-indent";
    text.replaceWith(indent);
    indent.append(text);
}

for (const code of document.querySelectorAll("figure:is(.listing, .diff, .transcript) pre > code")) {
    const isDiff = code.closest("figure.diff") !== null;
    code.replaceChildren(...linesOf(code).map((parts) => {
        const line = document.createElement("span");
        line.className = "code-line";
        line.append(...parts);
        const before = line.textContent.match(isDiff ? /^[-+ ]? */ : /^ */)[0];
        line.style.setProperty("--indent", `${before.length}ch`);
        setIndentApart(line, before.length);
        return line;
    }));
}

const plain = (element) => element.textContent.trim().replace(/\.$/, "");

// Predictions. The answer lists, for each wrong choice, "CHOICE: why it is wrong".

/** Why a choice is wrong, taken out of the answer's list. */
function reasons(details, choices) {
    const found = new Map();
    for (const item of details.querySelectorAll(":scope > ul > li")) {
        const choice = choices.find((choice) => plain(item).startsWith(`${choice}: `));
        if (choice === undefined) continue;
        const why = plain(item).slice(choice.length + 2);
        found.set(choice, `${why.charAt(0).toUpperCase()}${why.slice(1)}.`);
    }
    return found;
}

function explain(item, why) {
    if (!why || item.querySelector(".why")) return;
    const note = document.createElement("p");
    note.className = "why";
    note.setAttribute("role", "status");
    item.append(note);
    note.textContent = why;
}

for (const box of document.querySelectorAll(".predict")) {
    const details = box.querySelector("details");
    const answer = box.querySelector(".answer");
    const list = box.querySelector(":scope > ul");
    if (!details || !answer || !list) continue;
    const choices = [...list.children].map(plain);
    const whys = reasons(details, choices);
    for (const item of list.children) {
        const choice = plain(item);
        const button = document.createElement("button");
        button.type = "button";
        button.className = "choice";
        button.append(...item.childNodes);
        item.append(button);
        button.addEventListener("click", () => {
            const right = choice === plain(answer);
            button.classList.add(right ? "right" : "wrong");
            button.setAttribute("aria-label", `${choice}: ${right ? "right" : "wrong"}`);
            // After a wrong guess the others are still to be had; the reason comes at once.
            if (right || !whys.has(choice)) details.open = true;
            if (!right) explain(item, whys.get(choice));
        });
    }
    list.classList.add("choices");
}

// Replays are light or dark with the page, whatever the system prefers.
const DARK_THEMES = ["navy", "coal", "ayu"];

function themeReplays() {
    const dark = DARK_THEMES.some((theme) => document.documentElement.classList.contains(theme));
    for (const replay of document.querySelectorAll(".laneway-replay")) {
        replay.dataset.theme = dark ? "dark" : "light";
    }
}

themeReplays();
new MutationObserver(themeReplays).observe(document.documentElement, { attributeFilter: ["class"] });

// Replays and the lines that the program printed.

/** When each line was printed, in nanoseconds. A line "NAME: ..." is one of the task NAME: its polls
 * have a line each, and what is left over is spread over the last one; if there are fewer lines than
 * polls, the last polls have them. Any other line comes at the end of the poll before it, or with the
 * next line of a task if that is earlier. */
function printedAt(recording, lines) {
    const at = lines.map(() => undefined);
    const over = lines.map(() => undefined);
    recording.tasks.forEach(({ name }, task) => {
        const own = [...lines.keys()].filter((i) => lines[i].startsWith(`${name}: `) || lines[i] === name);
        const polls = recording.polls.filter((poll) => poll.task === task);
        if (!name || !polls.length) return;
        const skipped = Math.max(0, polls.length - own.length);
        const inLast = own.length + skipped - polls.length;
        own.forEach((line, i) => {
            const poll = polls[Math.min(polls.length - 1, skipped + i)];
            const start = recording.at[poll.start];
            const end = poll.end < 0 ? recording.duration : recording.at[poll.end];
            const before = Math.max(0, skipped + i - polls.length + 1);
            at[line] = start + (inLast ? before / inLast : 0) * (end - start);
            over[line] = end;
        });
    });
    const taken = recording.kind.indexOf(2);
    let before = recording.at[Math.max(0, taken)];
    for (let i = 0; i < at.length; i++) {
        const next = at.slice(i).find((time) => time !== undefined) ?? recording.duration;
        if (at[i] === undefined) at[i] = i === at.length - 1 ? next : Math.min(before, next);
        before = over[i] ?? at[i];
    }
    return at;
}

function momentOf(player) {
    if (player.scale.axis === "time") return player.cursor;
    return player.applied > 0 ? player.recording.at[player.applied - 1] : -1;
}

function lightUp(items, at, moment) {
    let now;
    items.forEach((item, i) => {
        const isDone = at[i] <= moment;
        item.classList.toggle("done", isDone);
        item.classList.remove("now");
        if (isDone && (now === undefined || at[i] >= at[now])) now = i;
    });
    if (now !== undefined) items[now].classList.add("now");
}

function openReplay(player) {
    const figure = player.root.closest("figure.replay");
    const items = [...(figure?.querySelectorAll(".printed li") ?? [])];
    if (!items.length) return;
    const lines = items.map((item) => item.textContent.trim());
    const at = printedAt(player.recording, lines);
    const say = player.sayMoment.bind(player);
    player.sayMoment = () => {
        say();
        lightUp(items, at, momentOf(player));
    };
    const line = lines.indexOf(player.root.dataset.from);
    const opening = line < 0 ? Math.min(...at) : at[line];
    const events = player.recording.at.findLastIndex((time) => time <= opening) + 1;
    if (location.hash.includes("event=")) lightUp(items, at, momentOf(player));
    else if (player.scale.axis === "time") player.moveTo(opening);
    else player.seek(Math.max(1, events));
}

// After the player's own script, which comes later in the page.
addEventListener("load", () => {
    for (const player of globalThis.LanewayReplay?.players ?? []) openReplay(player);
});

// On paper: the answers are shown, and each replay is a strip of frames.

const FRAMES = 6;

/** The moments to print: polls that begin, as evenly as they can be had. */
function moments(recording) {
    const begun = recording.polls.map((poll) => poll.start + 1);
    const count = Math.min(FRAMES, begun.length);
    const last = begun.length - 1;
    return Array.from({ length: count }, (_, i) => begun[Math.round((i * last) / Math.max(1, count - 1))]);
}

function printFrame(player, stage, event) {
    const canvas = document.createElement("canvas");
    const [width, pixels] = [420, 2];
    const height = stage.layout(width);
    [canvas.width, canvas.height] = [width * pixels, height * pixels];
    const moment = player.recording.moment(event);
    stage.move(moment, 0, false);
    stage.draw(canvas, pixels, player.theme, moment, () => true, -1);
    const words = document.createElement("p");
    words.textContent = globalThis.LanewayReplay.sentence(player.recording, event - 1);
    const frame = document.createElement("div");
    frame.className = "frame";
    frame.append(canvas, words);
    return frame;
}

function printStrip(player) {
    const figure = player.root.closest("figure.replay");
    if (!figure || figure.querySelector(".strip")) return;
    const { theme } = player.root.dataset;
    player.root.dataset.theme = "light";
    player.readTheme();
    const strip = document.createElement("div");
    strip.className = "strip";
    const stage = new globalThis.LanewayReplay.Stage(player.recording);
    strip.append(...moments(player.recording).map((event) => printFrame(player, stage, event)));
    figure.append(strip);
    player.root.dataset.theme = theme;
    player.readTheme();
}

addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll(".predict details")) details.open = true;
    for (const player of globalThis.LanewayReplay?.players ?? []) printStrip(player);
});
