// The choices of a prediction: a click says whether it was right, and shows the answer.
"use strict";

for (const box of document.querySelectorAll(".predict")) {
    const details = box.querySelector("details");
    const answer = box.querySelector(".answer");
    const list = box.querySelector(":scope > ul");
    if (!details || !answer || !list) continue;
    const plain = (element) => element.textContent.trim().replace(/\.$/, "");
    for (const item of list.children) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "choice";
        button.append(...item.childNodes);
        item.append(button);
        button.addEventListener("click", () => {
            const right = plain(button) === plain(answer);
            button.classList.add(right ? "right" : "wrong");
            button.setAttribute("aria-label", `${plain(button)}: ${right ? "right" : "wrong"}`);
            details.open = true;
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

// A printed page shows the answers.
addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll(".predict details")) details.open = true;
});
