// Keeps a page up with the store: asks for it again and puts its content in the place of the old
// one. The page works without this.
'use strict';
(() => {
  const PAUSE_MS = 2000;
  const live = document.getElementById('live');
  const main = () => document.getElementById('main');

  // What the reader is in the middle of must not be taken away.
  const isBusy = () => {
    const within = main().contains(document.activeElement) && document.activeElement !== main();
    const selected = String(getSelection()).length > 0;
    return within || selected || main().querySelector('details[open]') !== null;
  };

  const say = (text) => {
    if (live.textContent !== text) live.textContent = text;
  };

  // A message about a change is shown once.
  const clean = () => {
    const address = new URL(location.href);
    if (!address.searchParams.has('said')) return;
    address.searchParams.delete('said');
    history.replaceState(null, '', address);
  };

  // Blocks that the reader has scrolled keep their place.
  const replace = (next) => {
    const tops = [...main().querySelectorAll('pre')].map((block) => block.scrollTop);
    main().replaceChildren(...next.childNodes);
    main().querySelectorAll('pre').forEach((block, place) => {
      block.scrollTop = tops[place] || 0;
    });
  };

  const look = async () => {
    if (document.hidden) return;
    if (isBusy()) return say('paused while you are in the page');
    try {
      const answer = await fetch(location.href, { cache: 'no-store' });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const next = page.getElementById('main');
      if (!answer.ok || !next) return say('not up to date: ' + answer.status);
      if (!isBusy() && next.innerHTML !== main().innerHTML) replace(next);
      say('live');
    } catch {
      say('not up to date: the server does not answer');
    }
  };

  const follow = async () => {
    await look();
    setTimeout(follow, PAUSE_MS);
  };

  clean();
  if (main().dataset.refresh === 'live') setTimeout(follow, PAUSE_MS);
})();
