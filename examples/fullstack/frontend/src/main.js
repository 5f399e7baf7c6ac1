// The backend is at the same address: no other origin, no settings.
const answer = await fetch('/api/greeting?name=sailor')
document.querySelector('#greeting').textContent = (await answer.json()).text
