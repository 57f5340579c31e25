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

// A printed page shows the answers.
addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll(".predict details")) details.open = true;
});
