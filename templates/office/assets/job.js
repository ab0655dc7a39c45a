// Shows how far a job is, and the page anew when it has ended.
const bar = document.getElementById("progress");
const count = document.getElementById("count");

async function look() {
  try {
    const answer = await fetch(bar.dataset.state, { headers: { accept: "application/json" } });
    if (!answer.ok) return location.reload();
    const job = await answer.json();
    if (job.outcome || job.trouble) return location.reload();
    if (job.of > 0) {
      bar.max = job.of;
      bar.value = job.done;
      count.textContent = `${job.done.toLocaleString("de")} von ${job.of.toLocaleString("de")}`;
    }
  } catch {
    // The server may be starting anew: the next look will tell.
  }
  setTimeout(look, 700);
}
setTimeout(look, 300);
