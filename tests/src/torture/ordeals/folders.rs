//! A folder comes in.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use super::pushes::plain_files;
use super::{page, whole};
use crate::torture::{Ordeal, settled};
use crate::{Site, World};

/// `berth deploy` of a folder, from another machine.
pub struct FolderUpload {
    token: String,
    folder: TempDir,
    site: Option<Site>,
    version: u64,
}

impl FolderUpload {
    /// With nothing in it yet.
    ///
    /// # Errors
    /// When there is no temporary directory.
    pub fn new() -> Result<Self> {
        Ok(Self { token: String::new(), folder: TempDir::with_prefix("berth-test-folder-")?, site: None, version: 0 })
    }

    async fn deploy(&self, world: &World) -> Result<bool> {
        let directory = self.folder.path().display().to_string();
        let (code, _) = world.berth.deploy(&self.token, &[&directory, "--project", "folder"]).await?;
        Ok(code == Some(0))
    }

    fn fill(&mut self, version: u64) -> Result<()> {
        self.version = version;
        std::fs::create_dir_all(self.folder.path().join("assets"))?;
        for (path, text) in plain_files(version) {
            std::fs::write(self.folder.path().join(path), text)?;
        }
        Ok(())
    }

    fn site(&self) -> Result<&Site> {
        self.site.as_ref().context("a prepared site")
    }
}

impl Ordeal for FolderUpload {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        if self.site.is_none() {
            let made = world.ada.post("/api/v1/tokens", &json!({"name": "folders"})).await?.expect(201)?;
            self.token = made["token"].as_str().with_context(|| format!("no token in {made}"))?.to_owned();
            self.site = Some(Site::of(&world.berth, "folder"));
            self.fill(0)?;
            ensure!(self.deploy(world).await?, "the first folder was not deployed");
            settled(world).await?;
        }
        self.fill(round)
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        self.deploy(world).await
    }

    async fn is_done(&self, _: &World) -> Result<bool> {
        Ok(self.site()?.get("/").await?.body == page(self.version))
    }

    async fn first_look(&mut self, _: &World, acknowledged: bool) -> Result<()> {
        whole(self.site()?, self.version, "/assets/app.css").await?;
        let found = self.site()?.get("/").await?.body;
        ensure!(!acknowledged || found == page(self.version), "acknowledged, and not there: {found}");
        Ok(())
    }

    async fn complete(&mut self, world: &World, acknowledged: bool) -> Result<()> {
        if !acknowledged {
            ensure!(self.deploy(world).await?, "the folder cannot be deployed again");
        }
        ensure!(self.site()?.get("/").await?.body == page(self.version), "the folder is not live");
        whole(self.site()?, self.version, "/assets/app.css").await
    }
}
