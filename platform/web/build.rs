//! Puts a one-page "console not built" into an absent `console/dist`, so that compiling Rust never
//! needs Node.

use std::path::Path;
use std::{fs, io};

const PAGE: &str = r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="rialto-console" content="not-built" />
    <title>Rialto</title>
  </head>
  <body>
    <h1>The console is not built</h1>
    <p>The server is running and its API answers. Build the console and start again:</p>
    <pre>cargo xtask up</pre>
    <h1 lang="zh-CN">控制台尚未构建</h1>
    <p lang="zh-CN">服务器已运行，接口可用。请执行上面的命令构建控制台后重新启动。</p>
  </body>
</html>
"#;

fn main() -> io::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!(
        "cargo:rerun-if-changed={}",
        dist.join("index.html").display()
    );
    if !dist.join("index.html").exists() {
        fs::create_dir_all(&dist)?;
        fs::write(dist.join("index.html"), PAGE)?;
        // Older than every source, so that nobody takes it for a finished build.
        fs::File::options()
            .write(true)
            .open(dist.join("index.html"))?
            .set_modified(std::time::UNIX_EPOCH)?;
    }
    Ok(())
}
