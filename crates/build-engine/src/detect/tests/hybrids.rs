//! Frameworks that make a server or files, by what their projects say.

use super::{assert_plan, detected};

/// A project with one configuration file.
fn outcome(package: &str, file: &str, config: &str) -> String {
    let service = detected(&[("package.json", package), (file, config)]);
    match service.output_directory() {
        Some(output) => output.value.as_str().to_owned(),
        None => "server".to_owned(),
    }
}

#[test]
fn next_exports_when_its_configuration_says_so() {
    let next = |file: &str, config: &str| {
        outcome(r#"{"scripts":{"build":"next build"},"dependencies":{"next":"15"}}"#, file, config)
    };
    for config in [
        "module.exports = { output: 'export' }",
        "const nextConfig = {\n  output: \"export\",\n  images: { unoptimized: true } };",
        "export default { \"output\" : `export` }",
        "nextConfig.output = 'export';",
        "export default { output: process.env.NODE_ENV === 'production' ? 'export' : undefined }",
    ] {
        assert_eq!(next("next.config.mjs", config), "out", "{config}");
    }
    for config in [
        "export default {}",
        "// output: 'export'\nexport default {}",
        "/* output: 'export' */ export default { output: 'standalone' }",
        "export default { output: 'standalone' } // 'export'",
    ] {
        assert_eq!(next("next.config.js", config), "server", "{config}");
    }
    assert_eq!(next("next.config.ts", "export default { output: 'export', distDir: 'site' }"), "site");
    let old = r#"{"scripts":{"build":"next build && next export -o public-out"},"dependencies":{"next":"12"}}"#;
    assert_eq!(outcome(old, "next.config.js", "module.exports = {}"), "public-out");
    let old =
        r#"{"scripts":{"build":"next build && npm run export","export":"next export"},"dependencies":{"next":"12"}}"#;
    assert_eq!(outcome(old, "next.config.js", "module.exports = {}"), "out");
}

#[test]
fn nuxt_by_command_preset_and_mode() {
    let with = |build: &str, config: &str| {
        let package = format!(r#"{{"scripts":{{"build":"{build}"}},"dependencies":{{"nuxt":"^4.0.0"}}}}"#);
        outcome(&package, "nuxt.config.ts", config)
    };
    let plain = "export default defineNuxtConfig({})";
    assert_eq!(with("nuxt generate", plain), ".output/public");
    assert_eq!(with("nuxi generate", plain), ".output/public");
    assert_eq!(with("nuxt build --prerender", plain), ".output/public");
    assert_eq!(with("NITRO_PRESET=static nuxt build", plain), ".output/public");
    assert_eq!(
        with("nuxt build", "export default defineNuxtConfig({ nitro: { preset: 'github_pages' } })"),
        ".output/public"
    );
    assert_eq!(with("nuxt build", plain), "server");
    assert_eq!(with("nuxt build", "export default defineNuxtConfig({ nitro: { preset: 'node-server' } })"), "server");
    let rules = "export default defineNuxtConfig({ routeRules: { '/admin/**': { ssr: false } } })";
    assert_eq!(with("nuxt build", rules), "server");
    let second = r#"{"scripts":{"build":"nuxt generate"},"dependencies":{"nuxt":"^2.15.8"}}"#;
    assert_eq!(outcome(second, "nuxt.config.js", "export default {}"), "dist");
    assert_plan(
        "nuxt-in-the-browser",
        &[
            (
                "package.json",
                r#"{"scripts":{"build":"nuxt build","generate":"nuxt generate"},"dependencies":{"nuxt":"^4.0.0"}}"#,
            ),
            ("nuxt.config.ts", "export default defineNuxtConfig({\n  ssr: false,\n})"),
        ],
    );
    assert_plan(
        "nuxt-with-generate-alone",
        &[(
            "package.json",
            r#"{"scripts":{"dev":"nuxt","generate":"nuxt generate"},"dependencies":{"nuxt":"^4.0.0"}}"#,
        )],
    );
}

#[test]
fn sveltekit_by_its_adapter() {
    let package = r#"{"scripts":{"build":"vite build"},"devDependencies":{"@sveltejs/kit":"2","@sveltejs/adapter-static":"3","@sveltejs/adapter-node":"5"}}"#;
    let kit = |file: &str, config: &str| outcome(package, file, config);
    let with = |adapter: &str, options: &str| {
        format!(
            "import adapter from '@sveltejs/adapter-{adapter}';\nexport default {{ kit: {{ adapter: adapter({options}) }} }};"
        )
    };
    assert_eq!(kit("svelte.config.js", &with("static", "")), "build");
    assert_eq!(kit("vite.config.ts", &with("static", "{ fallback: '200.html' }")), "build");
    assert_eq!(kit("svelte.config.js", &with("static", "{ pages: 'site', assets: 'site' }")), "site");
    assert_eq!(kit("svelte.config.js", &with("node", "")), "server");
    assert_eq!(kit("svelte.config.js", &with("vercel", "")), "server");
    let commented = "// import old from '@sveltejs/adapter-auto';\nimport adapter from '@sveltejs/adapter-static';";
    assert_eq!(kit("vite.config.ts", commented), "build");
}

#[test]
fn astro_unless_an_adapter_is_at_work() {
    let package = r#"{"scripts":{"build":"astro build"},"dependencies":{"astro":"5","@astrojs/node":"9"}}"#;
    let astro = |config: &str| outcome(package, "astro.config.mjs", config);
    assert_eq!(astro("export default defineConfig({})"), "dist");
    assert_eq!(astro("export default defineConfig({ outDir: './www' })"), "www");
    assert_eq!(astro("export default defineConfig({ output: 'server', adapter: node() })"), "server");
    assert_eq!(astro("import node from '@astrojs/node'; export default { adapter: node() }"), "server");
    assert_eq!(astro("import node from '@astrojs/node'; export default { output: 'static', adapter: node() }"), "dist");
    assert_eq!(astro("// import node from '@astrojs/node'\nexport default {}"), "dist");
}

#[test]
fn others_by_their_options() {
    let with = |dependency: &str, build: &str| {
        format!(r#"{{"scripts":{{"build":"{build}"}},"dependencies":{{"{dependency}":"1","vite":"7"}}}}"#)
    };
    for (dependency, build, file, config, wanted) in [
        ("@remix-run/dev", "remix vite:build", "vite.config.ts", "remix({ ssr: false })", "build/client"),
        (
            "@react-router/dev",
            "react-router build",
            "react-router.config.ts",
            "export default { ssr: false }",
            "build/client",
        ),
        (
            "@react-router/dev",
            "react-router build",
            "react-router.config.ts",
            "({ ssr: false, buildDirectory: 'out' })",
            "out/client",
        ),
        (
            "@react-router/dev",
            "react-router build",
            "react-router.config.ts",
            "// ssr: false\nexport default {}",
            "server",
        ),
        (
            "@tanstack/react-start",
            "vite build",
            "vite.config.ts",
            "tanstackStart({ spa: { enabled: true } })",
            "dist/client",
        ),
        (
            "@tanstack/react-start",
            "vite build",
            "vite.config.ts",
            "tanstackStart({ prerender: { enabled: false } })",
            "server",
        ),
        ("@solidjs/start", "vinxi build", "app.config.ts", "({ server: { preset: 'static' } })", ".output/public"),
        ("@analogjs/platform", "ng build", "vite.config.ts", "analog({ static: true })", "dist/analog/public"),
        ("vike", "vike build", "pages/+config.ts", "export default { prerender: true }", "dist/client"),
        ("@builder.io/qwik", "vite build", "vite.config.ts", "plugins: [qwikVite({ csr: true })]", "dist"),
        ("@builder.io/qwik", "qwik build", "adapters/static/vite.config.ts", "staticAdapter()", "dist"),
        ("waku", "waku build", "src/pages/index.tsx", "({ render: 'static' })", "dist/public"),
        ("expo", "expo export -p web", "app.json", r#"{"expo":{"web":{"output":"server"}}}"#, "server"),
        ("@quasar/app-vite", "quasar build -m pwa", "quasar.config.js", "", "dist/pwa"),
        ("@quasar/app-vite", "quasar build -m ssr", "quasar.config.js", "", "server"),
    ] {
        assert_eq!(outcome(&with(dependency, build), file, config), wanted, "{dependency} {config}");
    }
}

#[test]
fn angular_with_and_without_its_server() {
    let angular = |options: &str| {
        let config = format!(
            r#"{{"projects":{{"shop":{{"projectType":"application","architect":{{"build":{{"builder":"@angular-devkit/build-angular:application","options":{options}}}}}}}}}}}"#
        );
        outcome(r#"{"scripts":{"build":"ng build"},"devDependencies":{"@angular/cli":"19"}}"#, "angular.json", &config)
    };
    assert_eq!(angular(r#"{"outputPath":"dist/site"}"#), "dist/site/browser");
    assert_eq!(angular(r#"{"outputPath":{"base":"out","browser":""}}"#), "out");
    assert_eq!(angular(r#"{"ssr":{"entry":"src/server.ts"},"outputMode":"server"}"#), "server");
    assert_eq!(angular(r#"{"ssr":{"entry":"src/server.ts"},"outputMode":"static"}"#), "dist/shop/browser");
    assert_eq!(angular(r#"{"ssr":{"entry":"server.ts"},"prerender":true}"#), "dist/shop/browser");
    assert_eq!(angular(r#"{"ssr":false}"#), "dist/shop/browser");
    let old = r#"{"projects":{"shop":{"architect":{"build":{"builder":"@angular-devkit/build-angular:browser","options":{"outputPath":"dist/shop"}}}}}}"#;
    let package = r#"{"scripts":{"build":"ng build"},"devDependencies":{"@angular/cli":"15"}}"#;
    assert_eq!(outcome(package, "angular.json", old), "dist/shop");
}

#[test]
fn an_output_directory_from_the_settings_is_believed() {
    use super::{OutputDir, ProjectSettings, plan};
    let package = r#"{"scripts":{"build":"next build && node export.js"},"dependencies":{"next":"15"}}"#;
    let settings =
        ProjectSettings { output_directory: Some(OutputDir::parse("exported").unwrap()), ..ProjectSettings::default() };
    let service = plan(&[("package.json", package)], &settings).unwrap().services.remove(0);
    assert_eq!(service.output_directory().unwrap().value.as_str(), "exported");
}
