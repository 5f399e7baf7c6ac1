import { createApp } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import App from './App.vue'
import Home from './Home.vue'

const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: Home },
    // A chunk of its own, fetched when somebody goes there.
    { path: '/about', component: () => import('./About.vue') },
  ],
})

createApp(App).use(router).mount('#app')
