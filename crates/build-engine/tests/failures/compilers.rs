//! Compilers, bundlers and linters.

use berth_model::BuildLimits;

use crate::row::{Row, check_all};

/// With the compilers themselves, and with git, which take a while to install.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test-all"]
async fn compilers_fail_in_words() {
    let failed = |name, build, dependencies: &str, exit_code, title, line, detail| {
        Row {
            code: "command_failed",
            build: Some(build),
            exit_code: Some(exit_code),
            title,
            line,
            detail,
            name,
            ..Row::default()
        }
        .with(
            "package.json",
            &format!(
                r#"{{"name":"site","type":"module","devDependencies":{dependencies},"scripts":{{"build":"true"}}}}"#
            ),
        )
        .with("index.html", "<script type=module src=/src/main.js></script>")
        .with("src/Header.js", "export const header = 1;")
    };
    let rows = vec![
        failed(
            "typescript",
            "tsc",
            r#"{"typescript":"5.9.3"}"#,
            2,
            "exit code 2: TypeScript found an error in src/a.ts, line 1",
            "src/a.ts(1,7): error TS2322",
            "TS2322: Type 'string' is not assignable to type 'number'",
        )
        .with("tsconfig.json", r#"{"compilerOptions":{"strict":true,"noEmit":true},"include":["src"]}"#)
        .with("src/a.ts", "const a: number = 'x'; console.log(a);")
        .with("src/b.ts", "export const b: number = 'y';"),
        failed(
            "vite-capitals",
            "vite build",
            r#"{"vite":"7.1.12"}"#,
            1,
            "exit code 1: ./header.js was not found: the file is called src/Header.js",
            "Could not resolve \"./header.js\" from \"src/main.js\"",
            "Capitals count",
        )
        .with("src/main.js", "import './header.js';"),
        failed(
            "webpack",
            "webpack --mode production --entry ./src/main.js",
            r#"{"webpack":"5.102.1","webpack-cli":"6.0.1"}"#,
            1,
            "exit code 1: the package left-pad was not found",
            "Module not found: Error: Can't resolve 'left-pad'",
            "add it to package.json",
        )
        .with("src/main.js", "import 'left-pad';"),
        failed(
            "eslint",
            "eslint .",
            r#"{"eslint":"9.39.1"}"#,
            1,
            "exit code 1: ESLint found 1 error",
            "error  'foo' is not defined",
            "leave linting out of the build command",
        )
        .with("eslint.config.js", "export default [{ rules: { 'no-undef': 'error' } }];")
        .with("src/main.js", "foo();"),
        // Git is installed for it, which takes a while; a key is not.
        Row {
            name: "git-npm",
            code: "package_unavailable",
            exit_code: Some(128),
            title: "exit code 128: a dependency is fetched over ssh, for which the build has no key",
            line: "ssh: not found",
            detail: "Name the dependency by an https address",
            setting: Some("secrets"),
            ..Row::default()
        }
        .with(
            "package.json",
            r#"{"name":"site","dependencies":{"ui":"git+ssh://git@127.0.0.1/acme/ui.git"},"scripts":{"build":"true"}}"#,
        ),
    ];
    check_all(BuildLimits::default(), rows).await;
}
