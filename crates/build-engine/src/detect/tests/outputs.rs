//! Where files are: command lines, configurations, workspaces.

use super::{ProjectSettings, RootDir, assert_plan, detected, plan};

fn output(files: &[(&str, &str)]) -> String {
    detected(files).output_directory().unwrap().value.as_str().to_owned()
}

fn built_by(dependency: &str, build: &str, file: &str, config: &str) -> String {
    let package = format!(r#"{{"scripts":{{"build":"{build}"}},"devDependencies":{{"{dependency}":"1"}}}}"#);
    output(&[("package.json", &package), (file, config)])
}

#[test]
fn command_lines_name_it() {
    for (dependency, build, wanted) in [
        ("vite", "vite build --outDir www --emptyOutDir", "www"),
        ("vite", "tsc -b && vite build --outDir=./docs", "docs"),
        ("vite", "vite build --outDir $OUT", "dist"),
        ("astro", "astro check && astro build --outDir site", "site"),
        ("@11ty/eleventy", "eleventy --output=public", "public"),
        ("parcel", "parcel build src/index.html --dist-dir out --public-url ./", "out"),
        ("parcel-bundler", "parcel build index.html -d build", "build"),
        ("@vue/cli-service", "vue-cli-service build --dest out", "out"),
        ("@docusaurus/core", "docusaurus build --out-dir ../up/../site", "build"),
        ("vitepress", "vitepress build guide", "guide/.vitepress/dist"),
        ("vitepress", "vitepress build --outDir site", "site"),
        ("vuepress", "vuepress build src", "src/.vuepress/dist"),
        ("vuepress", "vuepress build docs -d site", "site"),
        ("storybook", "storybook build -o public/storybook", "public/storybook"),
        ("react-scripts", "BUILD_PATH='./site' react-scripts build", "site"),
        ("@angular/cli", "ng build --configuration production --output-path out", "out"),
        ("expo", "expo export --platform web --output-dir web", "web"),
        ("webpack", "webpack --mode production --output-path ./bundle", "bundle"),
        ("hexo", "hexo generate", "public"),
        ("vuepress", "vuepress-vite build src", "src/.vuepress/dist"),
    ] {
        assert_eq!(built_by(dependency, build, "README.md", ""), wanted, "{build}");
    }
}

#[test]
fn configurations_name_it() {
    for (dependency, build, file, config, wanted) in [
        ("vite", "vite build", "vite.config.ts", "({ build: { outDir: path.resolve(__dirname, 'out') } })", "out"),
        ("vite", "vite build", "vite.config.js", "/* outDir: 'no' */ export default {}", "dist"),
        ("vite", "vite build", "vite.config.js", "export default { build: { outDir: `${name}` } }", "dist"),
        ("@vue/cli-service", "vue-cli-service build", "vue.config.js", "module.exports = { outputDir: 'out' }", "out"),
        ("@11ty/eleventy", "eleventy", ".eleventy.js", "return { dir: { input: 'src', output: 'out' } }", "out"),
        ("@11ty/eleventy", "eleventy", "eleventy.config.js", "c.setOutputDirectory('out')", "out"),
        ("hexo", "hexo g", "_config.yml", "source_dir: source\npublic_dir: out # here\n", "out"),
        ("vitepress", "vitepress build docs", "docs/.vitepress/config.mts", "({ outDir: '../site' })", "site"),
        ("vuepress", "vuepress build docs", "docs/.vuepress/config.js", "({ dest: 'site' })", "site"),
        ("gridsome", "gridsome build", "gridsome.config.js", "module.exports = { outputDir: 'out' }", "out"),
        ("umi", "umi build", ".umirc.ts", "defineConfig({ outputPath: 'out' })", "out"),
        ("@rsbuild/core", "rsbuild build", "rsbuild.config.ts", "({ output: { distPath: { root: 'out' } } })", "out"),
        (
            "@observablehq/framework",
            "observable build",
            "observablehq.config.js",
            "export default { output: 'out' }",
            "out",
        ),
        ("react-scripts", "react-scripts build", ".env", "BUILD_PATH=out\n", "out"),
    ] {
        assert_eq!(built_by(dependency, build, file, config), wanted, "{file}: {config}");
    }
    let rooted = [
        ("package.json", r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#),
        ("vite.config.ts", "export default { root: 'client' }"),
        ("client/index.html", ""),
    ];
    assert_eq!(output(&rooted), "client/dist");
    let beside = ("vite.config.ts", "export default { root: './client', build: { outDir: '../out' } }");
    assert_eq!(output(&[rooted[0], beside, rooted[2]]), "out");
    let argument = r#"{"scripts":{"build":"vite build client"},"devDependencies":{"vite":"7"}}"#;
    assert_eq!(output(&[("package.json", argument), ("client/index.html", "")]), "client/dist");
    let targets = r#"{"source":"index.html","targets":{"default":{"distDir":"./out"}},"scripts":{"build":"parcel build"},"devDependencies":{"parcel":"2"}}"#;
    assert_eq!(output(&[("package.json", targets)]), "out");
}

#[test]
fn commands_of_projects_without_a_build_script() {
    let build = |files: &[(&str, &str)]| detected(files).build_command.unwrap().value;
    let parcel = ("package.json", r#"{"devDependencies":{"parcel":"2"}}"#);
    assert_eq!(build(&[parcel, ("src/index.html", "")]), "npx --no-install parcel build src/index.html");
    let vitepress = ("package.json", r#"{"devDependencies":{"vitepress":"1"}}"#);
    assert_eq!(build(&[vitepress, (".vitepress/config.ts", ""), ("pnpm-lock.yaml", "")]), "pnpm exec vitepress build");
    let old = r#"{"scripts":{"build":"tsc","build-storybook":"build-storybook"},"devDependencies":{"storybook":"6"}}"#;
    assert_eq!(build(&[("package.json", old)]), "npm run build-storybook");
    // A library with documentation: `build` makes the library.
    let library = r#"{"scripts":{"build":"tsup","docs:build":"vitepress build docs"},"devDependencies":{"vitepress":"1","tsup":"8"}}"#;
    assert_eq!(build(&[("package.json", library), ("docs/index.md", "")]), "npm run docs:build");
}

#[test]
fn builds_that_make_no_pages_leave_them_where_they_are() {
    let built = |build: &str, file: &str| {
        let package = format!(r#"{{"scripts":{{"build":"{build}"}},"devDependencies":{{"x":"1"}}}}"#);
        output(&[("package.json", &package), (file, "")])
    };
    assert_eq!(built("esbuild src/main.ts --bundle --outfile=public/main.js", "public/index.html"), "public");
    assert_eq!(built("npx tailwindcss -i a.css -o style.css --minify", "index.html"), "");
    assert_eq!(built("rollup -c", "public/index.html"), "public");
    assert_eq!(built("node make.js", "index.html"), "dist");
    assert_eq!(built("webpack", "public/index.html"), "dist");
    let webpack = r#"{"scripts":{"build":"webpack --mode production"},"devDependencies":{"webpack":"5"}}"#;
    let config =
        "const path = require('path');\nmodule.exports = { output: { path: path.resolve(__dirname, 'build') } };";
    assert_eq!(output(&[("package.json", webpack), ("webpack.config.js", config)]), "build");
}

#[test]
fn workspaces() {
    const TOP: &str = r#"{"private":true,"workspaces":["apps/*"],"scripts":{"build":"turbo run build"},"devDependencies":{"turbo":"2"}}"#;
    const VITE: &str = r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#;
    let one = [
        ("package.json", TOP),
        ("turbo.json", "{}"),
        ("apps/web/package.json", VITE),
        ("packages/ui/package.json", "{}"),
    ];
    assert_plan("workspace-with-one-site", &one);
    let two = [
        ("package.json", TOP),
        ("turbo.json", "{}"),
        ("apps/web/package.json", VITE),
        ("apps/admin/package.json", VITE),
    ];
    assert_plan("workspace-with-two-sites", &two);
}

#[test]
fn a_workspace_that_builds_one_of_its_sites() {
    for build in [
        "npm run build -w web",
        "pnpm --filter @acme/web build",
        "turbo run build --filter=./apps/web",
        "yarn workspace web build",
    ] {
        let top = format!(r#"{{"workspaces":["apps/*"],"scripts":{{"build":"{build}"}}}}"#);
        let site = r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#;
        let files = [("package.json", top.as_str()), ("apps/web/package.json", site), ("apps/docs/package.json", site)];
        assert_eq!(output(&files), "apps/web/dist", "{build}");
    }
}

#[test]
fn what_a_site_uses_of_its_workspace_is_built_before_it() {
    let files = [
        ("package.json", r#"{"private":true,"workspaces":["apps/*","packages/*"]}"#),
        ("package-lock.json", "{}"),
        (
            "apps/web/package.json",
            r#"{"name":"web","scripts":{"build":"vite build"},"dependencies":{"@x/ui":"*"},"devDependencies":{"vite":"7"}}"#,
        ),
        (
            "packages/ui/package.json",
            r#"{"name":"@x/ui","scripts":{"build":"tsc"},"dependencies":{"@x/words":"*","web":"*"}}"#,
        ),
        ("packages/words/package.json", r#"{"name":"@x/words","scripts":{"build":"tsc"}}"#),
        ("packages/unused/package.json", r#"{"name":"unused","scripts":{"build":"tsc"}}"#),
        ("packages/plain/package.json", r#"{"name":"plain"}"#),
    ];
    let settings = ProjectSettings { root_directory: Some(RootDir::parse("apps/web").unwrap()), ..Default::default() };
    let service = plan(&files, &settings).unwrap().services.remove(0);
    let used: Vec<_> = service.workspace_packages.iter().flatten().map(RootDir::as_str).collect();
    assert_eq!(used, ["packages/words", "packages/ui"], "a change there is a change of the site");
    let build = service.build_command.unwrap();
    let wanted =
        "(cd ../../packages/words && npm run build) && (cd ../../packages/ui && npm run build) && npm run build";
    assert_eq!(build.value, wanted);
    assert!(build.why.sentence.contains("@x/words and @x/ui of the workspace"), "{}", build.why);
    let settings = ProjectSettings { build_command: Some("vite build".to_owned()), ..settings };
    let build = plan(&files, &settings).unwrap().services.remove(0).build_command.unwrap();
    assert_eq!((build.value.as_str(), build.source.as_str()), ("vite build", "settings"));
}

#[test]
fn a_workspace_that_is_too_large_is_not_looked_through() {
    let large = format!(r#"{{"name":"p","description":"{}"}}"#, "x".repeat(3 << 20));
    let paths = ["packages/a/package.json", "packages/b/package.json", "packages/c/package.json"];
    let mut files: Vec<_> = paths.into_iter().map(|path| (path, large.as_str())).collect();
    files.push(("package.json", r#"{"workspaces":["packages/*","apps/*"]}"#));
    files.push((
        "apps/web/package.json",
        r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7","p":"*"}}"#,
    ));
    let settings = ProjectSettings { root_directory: Some(RootDir::parse("apps/web").unwrap()), ..Default::default() };
    let service = plan(&files, &settings).unwrap().services.remove(0);
    assert_eq!(service.workspace_packages, None, "every push builds it");
    assert!(
        service.warnings.sentences().iter().any(|warning| warning.contains("more than 2000 packages")),
        "{service:?}"
    );
}

#[test]
fn odd_but_real_projects() {
    assert_plan("package-without-name", &[("package.json", r#"{"scripts":{"build":"node make.js"}}"#)]);
    assert_plan(
        "package-with-byte-order-mark",
        &[("package.json", "\u{feff}{\"devDependencies\":{\"vite\":\"7\"}}"), ("index.html", "")],
    );
    assert_plan(
        "build-that-only-checks",
        &[
            ("package.json", r#"{"scripts":{"build":"tsc --noEmit"},"devDependencies":{"typescript":"5"}}"#),
            ("index.html", ""),
        ],
    );
    assert_plan("staticfile", &[("Staticfile", "root: site\n"), ("site/index.html", "")]);
    assert_plan("nothing-here", &[("README.md", "# x"), ("parts/a/index.html", "")]);
    assert_plan("pages-in-a-folder", &[("README.md", "# x"), ("site/index.html", "")]);
    assert_plan(
        "vite-beside-a-server",
        &[(
            "package.json",
            r#"{"scripts":{"build":"vite build","start":"node server.js"},"dependencies":{"express":"5","vite":"7"}}"#,
        )],
    );
}

#[test]
fn a_build_that_writes_outside_is_said_and_publishes_no_sources() {
    let of = |files: &[(&str, &str)]| {
        let service = detected(files);
        let output = service.output_directory().unwrap().value.as_str().to_owned();
        (
            output,
            service
                .warnings
                .sentences()
                .iter()
                .find(|warning| warning.contains("outside"))
                .cloned()
                .unwrap_or_default(),
        )
    };
    let package = |dependency: &str, build: &str| {
        format!(r#"{{"scripts":{{"build":"{build}"}},"devDependencies":{{"{dependency}":"1"}}}}"#)
    };
    let angular = r#"{"projects":{"shop":{"architect":{"build":{"builder":"@angular-devkit/build-angular:application","options":{"outputPath":"../wwwroot"}}}}}}"#;
    for (dependency, build, file, config, path, usual) in [
        ("vite", "vite build", "vite.config.ts", "export default { build: { outDir: '../docs' } }", "../docs", "dist"),
        (
            "@sveltejs/kit",
            "vite build",
            "svelte.config.js",
            "import adapter from '@sveltejs/adapter-static';\nadapter({ pages: '../docs' })",
            "../docs",
            "build",
        ),
        (
            "next",
            "next build",
            "next.config.js",
            "module.exports = { output: 'export', distDir: '../../dist/web' }",
            "../../dist/web",
            "out",
        ),
        (
            "@react-router/dev",
            "react-router build",
            "react-router.config.ts",
            "export default { ssr: false, buildDirectory: '../out' }",
            "../out/client",
            "build/client",
        ),
        ("@angular/cli", "ng build", "angular.json", angular, "../wwwroot/browser", "dist/shop/browser"),
        ("vitepress", "vitepress build ../docs", "README.md", "", "../docs/.vitepress/dist", "docs/.vitepress/dist"),
        ("x", "webpack -o ../out", "README.md", "", "../out", "dist"),
    ] {
        let (output, warning) = of(&[("package.json", &package(dependency, build)), (file, config)]);
        assert_eq!(output, usual, "{dependency}");
        assert!(warning.starts_with(&format!("the build writes to {path}, outside the root directory; ")), "{warning}");
    }
    let settings = ProjectSettings { root_directory: Some(RootDir::parse("apps/web").unwrap()), ..Default::default() };
    let config = "export default { build: { outDir: '../../dist/web' } }";
    let vite = package("vite", "vite build");
    let files = [("apps/web/package.json", vite.as_str()), ("apps/web/vite.config.ts", config)];
    let warnings = plan(&files, &settings).unwrap().services.remove(0).warnings.sentences().to_vec();
    let wanted = "the build writes to ../../dist/web, outside the root directory; set the root directory to / and the output directory to dist/web";
    assert!(warnings.contains(&wanted.to_owned()), "{warnings:?}");
    let chosen = Some(super::OutputDir::parse("site").unwrap());
    let settings = ProjectSettings { output_directory: chosen, ..settings };
    let warnings = plan(&files, &settings).unwrap().services.remove(0).warnings.sentences().to_vec();
    assert!(!warnings.iter().any(|warning| warning.contains("outside")), "{warnings:?}");
}

#[test]
fn only_vites_own_options_say_where_it_builds() {
    let vite = |config: &str| built_by("vite", "vite build", "vite.config.ts", config);
    assert_eq!(vite("export default { plugins: [dts({ outDir: 'dist/types' })] }"), "dist");
    assert_eq!(vite("export default { plugins: [dts({ outDir: 'types' })], build: { outDir: 'out' } }"), "out");
    assert_eq!(vite("export default { build: { rollupOptions: { output: { outDir: 'a' } } } }"), "dist");
    assert_eq!(vite("export default defineConfig({ test: { root: 'tests' } })"), "dist");
}
