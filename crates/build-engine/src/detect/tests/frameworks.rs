//! One project for each entry of the catalog, as its own scaffold makes it; what is printed is the snapshot.

use super::super::catalog::catalog;
use super::assert_plan;

type Files = &'static [(&'static str, &'static str)];

const NPM: (&str, &str) = ("package-lock.json", "{}");

/// Name of the entry, and the files of a project.
const PROJECTS: &[(&str, Files)] = &[
    (
        "nextjs",
        &[
            (
                "package.json",
                r#"{"name":"next","scripts":{"dev":"next dev","build":"next build","start":"next start"},"dependencies":{"next":"16.0.0","react":"19.0.0"}}"#,
            ),
            (
                "next.config.ts",
                "import type { NextConfig } from 'next';\nconst nextConfig: NextConfig = {};\nexport default nextConfig;\n",
            ),
            NPM,
        ],
    ),
    (
        "nuxt",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"nuxt build","dev":"nuxt dev","generate":"nuxt generate","preview":"nuxt preview"},"dependencies":{"nuxt":"^4.0.0","vue":"^3.5.0"}}"#,
            ),
            ("nuxt.config.ts", "export default defineNuxtConfig({ devtools: { enabled: true } })"),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'"),
        ],
    ),
    (
        "gatsby",
        &[
            (
                "package.json",
                r#"{"scripts":{"develop":"gatsby develop","start":"gatsby develop","build":"gatsby build"},"dependencies":{"gatsby":"^5.14.0"}}"#,
            ),
            ("gatsby-config.js", "module.exports = {}"),
            NPM,
        ],
    ),
    (
        "remix",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"remix vite:build","start":"remix-serve ./build/server/index.js"},"dependencies":{"@remix-run/react":"^2.16.0"},"devDependencies":{"@remix-run/dev":"^2.16.0","vite":"^6.0.0"},"engines":{"node":">=20.0.0"}}"#,
            ),
            ("vite.config.ts", "export default defineConfig({ plugins: [remix()] });"),
            NPM,
        ],
    ),
    (
        "react-router",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"react-router build","start":"react-router-serve ./build/server/index.js"},"devDependencies":{"@react-router/dev":"^7.9.0","vite":"^7.0.0"}}"#,
            ),
            ("react-router.config.ts", "export default { ssr: true } satisfies Config;"),
            ("Dockerfile", "FROM node:20-alpine"),
            NPM,
        ],
    ),
    (
        "tanstack-start",
        &[
            (
                "package.json",
                r#"{"scripts":{"dev":"vite dev","build":"vite build","start":"node .output/server/index.mjs"},"dependencies":{"@tanstack/react-start":"^1.121.0","vite":"^7.0.0"}}"#,
            ),
            ("vite.config.ts", "export default defineConfig({ plugins: [tanstackStart()] })"),
            ("bun.lock", "{}"),
        ],
    ),
    (
        "solid-start",
        &[
            (
                "package.json",
                r#"{"scripts":{"dev":"vinxi dev","build":"vinxi build","start":"vinxi start"},"dependencies":{"@solidjs/start":"^1.1.0","vinxi":"^0.5.7"},"engines":{"node":">=22"}}"#,
            ),
            ("app.config.ts", "export default defineConfig({});"),
        ],
    ),
    (
        "nitro",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"nitro build","dev":"nitro dev","prepare":"nitro prepare","preview":"node .output/server/index.mjs"},"devDependencies":{"nitropack":"^2.12.0"}}"#,
            ),
            ("nitro.config.ts", "export default defineNitroConfig({ srcDir: 'server' });"),
        ],
    ),
    (
        "sveltekit",
        &[
            (
                "package.json",
                r#"{"scripts":{"dev":"vite dev","build":"vite build","preview":"vite preview"},"devDependencies":{"@sveltejs/adapter-auto":"^6.0.0","@sveltejs/kit":"^2.22.0","vite":"^7.0.0"}}"#,
            ),
            (
                "svelte.config.js",
                "import adapter from '@sveltejs/adapter-auto';\nexport default { kit: { adapter: adapter() } };",
            ),
            ("vite.config.ts", "export default defineConfig({ plugins: [sveltekit()] });"),
        ],
    ),
    (
        "astro",
        &[
            (
                "package.json",
                r#"{"type":"module","scripts":{"dev":"astro dev","build":"astro build","preview":"astro preview","astro":"astro"},"dependencies":{"astro":"^5.14.0"}}"#,
            ),
            (
                "astro.config.mjs",
                "// @ts-check\nimport { defineConfig } from 'astro/config';\nexport default defineConfig({});",
            ),
            ("pnpm-lock.yaml", ""),
        ],
    ),
    (
        "docusaurus",
        &[
            (
                "package.json",
                r#"{"scripts":{"docusaurus":"docusaurus","start":"docusaurus start","build":"docusaurus build","serve":"docusaurus serve"},"dependencies":{"@docusaurus/core":"3.9.0"},"engines":{"node":">=20.0"}}"#,
            ),
            ("docusaurus.config.ts", "export default {}"),
            NPM,
        ],
    ),
    (
        "vitepress",
        &[
            (
                "package.json",
                r#"{"scripts":{"docs:dev":"vitepress dev docs","docs:build":"vitepress build docs","docs:preview":"vitepress preview docs"},"devDependencies":{"vitepress":"^1.6.0"}}"#,
            ),
            ("docs/.vitepress/config.mts", "export default defineConfig({ title: 'x' })"),
            ("docs/index.md", ""),
        ],
    ),
    (
        "vuepress",
        &[
            (
                "package.json",
                r#"{"scripts":{"docs:dev":"vuepress dev docs","docs:build":"vuepress build docs"},"devDependencies":{"vuepress":"^2.0.0-rc.24"}}"#,
            ),
            ("docs/.vuepress/config.js", "export default { bundler: viteBundler() }"),
            ("docs/README.md", ""),
        ],
    ),
    (
        "eleventy",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"npx @11ty/eleventy"},"devDependencies":{"@11ty/eleventy":"^3.1.0"}}"#,
            ),
            ("index.md", "# x"),
            NPM,
        ],
    ),
    (
        "hexo",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"hexo generate","clean":"hexo clean","deploy":"hexo deploy","server":"hexo server"},"dependencies":{"hexo":"^7.3.0","hexo-server":"^3.0.0"}}"#,
            ),
            ("_config.yml", "title: Hexo\npublic_dir: public\n"),
            ("source/_posts/hello-world.md", ""),
        ],
    ),
    (
        "gridsome",
        &[
            ("package.json", r#"{"scripts":{"build":"gridsome build"},"dependencies":{"gridsome":"^0.7.0"}}"#),
            ("gridsome.config.js", "module.exports = { siteName: 'x' }"),
            ("yarn.lock", "# yarn lockfile v1\n"),
        ],
    ),
    (
        "observable-framework",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"observable build","dev":"observable preview"},"dependencies":{"@observablehq/framework":"^1.13.0"}}"#,
            ),
            (
                "observablehq.config.js",
                "export default {\n  // output: \"dist\", // path to the output root\n  root: \"src\"\n};",
            ),
        ],
    ),
    (
        "waku",
        &[
            (
                "package.json",
                r#"{"scripts":{"dev":"waku dev","build":"waku build","start":"waku start"},"dependencies":{"waku":"0.26.0"}}"#,
            ),
            ("src/pages/index.tsx", "export const getConfig = async () => ({ render: 'dynamic' });"),
        ],
    ),
    (
        "vike",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"vike build"},"dependencies":{"vike":"^0.4.240","vike-react":"^0.6.0","vite":"^7.0.0"}}"#,
            ),
            ("pages/+config.ts", "export default { title: 'x', extends: vikeReact }"),
        ],
    ),
    (
        "analog",
        &[
            (
                "package.json",
                r#"{"scripts":{"ng":"ng","build":"ng build"},"dependencies":{"@analogjs/router":"^1.20.0"},"devDependencies":{"@analogjs/platform":"^1.20.0","@angular/cli":"^20.0.0","vite":"^7.0.0"}}"#,
            ),
            ("angular.json", "{}"),
            ("vite.config.ts", "export default defineConfig(() => ({ plugins: [analog()] }));"),
        ],
    ),
    (
        "qwik",
        &[(
            "package.json",
            r#"{"scripts":{"build":"qwik build","start":"vite --open --mode ssr"},"devDependencies":{"@builder.io/qwik":"^1.16.0","@builder.io/qwik-city":"^1.16.0","vite":"7.0.0"}}"#,
        )],
    ),
    (
        "storybook",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"tsc","storybook":"storybook dev -p 6006","build-storybook":"storybook build"},"devDependencies":{"storybook":"^9.1.0"}}"#,
            ),
            (".storybook/main.ts", ""),
        ],
    ),
    (
        "angular",
        &[
            (
                "package.json",
                r#"{"scripts":{"ng":"ng","start":"ng serve","build":"ng build"},"dependencies":{"@angular/core":"^20.3.0"},"devDependencies":{"@angular/build":"^20.3.0","@angular/cli":"^20.3.0"}}"#,
            ),
            (
                "angular.json",
                r#"{"version":1,"projects":{"harbour":{"projectType":"application","root":"","architect":{"build":{"builder":"@angular/build:application","options":{"browser":"src/main.ts"},"configurations":{"production":{}}}}}}}"#,
            ),
            NPM,
        ],
    ),
    (
        "ionic-react",
        &[
            (
                "package.json",
                r#"{"scripts":{"dev":"vite","build":"tsc && vite build"},"dependencies":{"@ionic/react":"^8.5.0"},"devDependencies":{"vite":"^6.0.0"}}"#,
            ),
            NPM,
        ],
    ),
    (
        "quasar",
        &[
            (
                "package.json",
                r#"{"scripts":{"dev":"quasar dev","build":"quasar build"},"devDependencies":{"@quasar/app-vite":"^2.1.0"}}"#,
            ),
            ("quasar.config.ts", "export default defineConfig(() => ({ build: { vueRouterMode: 'hash' } }))"),
        ],
    ),
    (
        "expo-web",
        &[
            (
                "package.json",
                r#"{"main":"expo-router/entry","scripts":{"start":"expo start","web":"expo start --web"},"dependencies":{"expo":"~54.0.0","react-native-web":"~0.21.0"}}"#,
            ),
            ("app.json", r#"{"expo":{"web":{"output":"static"}}}"#),
            NPM,
        ],
    ),
    (
        "ember",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"ember build --environment=production","start":"ember serve"},"devDependencies":{"ember-cli":"~6.7.0"},"engines":{"node":">= 20.11"}}"#,
            ),
            ("ember-cli-build.js", ""),
        ],
    ),
    (
        "stencil",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"stencil build","start":"stencil build --dev --watch --serve"},"devDependencies":{"@stencil/core":"^4.38.0"}}"#,
            ),
            ("stencil.config.ts", "export const config = { outputTargets: [{ type: 'www' }] };"),
        ],
    ),
    (
        "create-react-app",
        &[
            (
                "package.json",
                r#"{"scripts":{"start":"react-scripts start","build":"react-scripts build","eject":"react-scripts eject"},"dependencies":{"react":"^19.0.0","react-scripts":"5.0.1"}}"#,
            ),
            ("public/index.html", ""),
            NPM,
        ],
    ),
    (
        "vue-cli",
        &[
            (
                "package.json",
                r#"{"scripts":{"serve":"vue-cli-service serve","build":"vue-cli-service build"},"devDependencies":{"@vue/cli-service":"~5.0.0"}}"#,
            ),
            ("vue.config.js", "module.exports = defineConfig({ transpileDependencies: true })"),
            ("public/index.html", ""),
            ("yarn.lock", ""),
        ],
    ),
    (
        "preact-cli",
        &[(
            "package.json",
            r#"{"scripts":{"build":"preact build","serve":"sirv build --port 8080 --cors --single"},"devDependencies":{"preact-cli":"^3.0.0"}}"#,
        )],
    ),
    (
        "umi",
        &[
            (
                "package.json",
                r#"{"scripts":{"dev":"umi dev","build":"umi build","start":"npm run dev"},"dependencies":{"umi":"^4.5.0"}}"#,
            ),
            (".umirc.ts", "export default defineConfig({ npmClient: 'pnpm' });"),
        ],
    ),
    (
        "parcel",
        &[
            (
                "package.json",
                r#"{"source":"src/index.html","scripts":{"start":"parcel","build":"parcel build"},"devDependencies":{"parcel":"^2.16.0"}}"#,
            ),
            ("src/index.html", ""),
        ],
    ),
    (
        "rsbuild",
        &[
            (
                "package.json",
                r#"{"type":"module","scripts":{"build":"rsbuild build","dev":"rsbuild dev --open"},"devDependencies":{"@rsbuild/core":"^1.5.0"}}"#,
            ),
            ("rsbuild.config.ts", "export default defineConfig({ plugins: [pluginReact()] });"),
        ],
    ),
    (
        "vite",
        &[
            (
                "package.json",
                r#"{"name":"x","private":true,"type":"module","scripts":{"dev":"vite","build":"vue-tsc -b && vite build","preview":"vite preview"},"dependencies":{"vue":"^3.5.0"},"devDependencies":{"@vitejs/plugin-vue":"^6.0.0","vite":"^7.1.0"}}"#,
            ),
            ("vite.config.ts", "export default defineConfig({ plugins: [vue()] })"),
            ("index.html", ""),
            NPM,
        ],
    ),
    (
        "hugo",
        &[
            ("hugo.toml", "baseURL = 'https://example.org/'\nlanguageCode = 'en-us'\ntheme = 'ananke'\n"),
            (".gitmodules", "[submodule \"themes/ananke\"]\n\tpath = themes/ananke\n\turl = x\n"),
            ("archetypes/default.md", ""),
        ],
    ),
    (
        "jekyll",
        &[
            ("_config.yml", "title: A site\ntheme: minima\n"),
            ("Gemfile", "source \"https://gems.example\"\ngem \"jekyll\", \"~> 4.4\"\ngem \"minima\"\n"),
            ("Gemfile.lock", ""),
            ("index.markdown", ""),
        ],
    ),
    ("mkdocs", &[("mkdocs.yml", "site_name: My Docs\n"), ("docs/index.md", "")]),
    ("mdbook", &[("book.toml", "[book]\ntitle = \"x\"\nsrc = \"src\"\n"), ("src/SUMMARY.md", "")]),
    (
        "zola",
        &[
            ("config.toml", "base_url = \"https://example.org\"\ncompile_sass = true\n"),
            ("content/_index.md", ""),
            ("templates/index.html", ""),
        ],
    ),
    ("static-html", &[("index.html", ""), ("css/site.css", "")]),
];

#[test]
fn every_entry_of_the_catalog() {
    let missing = catalog().frameworks.iter().find(|entry| !PROJECTS.iter().any(|(name, _)| *name == entry.name));
    assert!(missing.is_none_or(|entry| panic!("no project shows {}", entry.name)));
    for (name, files) in PROJECTS {
        assert_plan(name, files);
    }
}
