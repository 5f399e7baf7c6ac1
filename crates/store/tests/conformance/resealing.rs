//! Sealed values under a new key: each is found by its place, replaced once, and nothing else of its row moves.

use berth_model::{Access, VariableKey, VariableKind, VariableScope};
use berth_secrets::{KeyRing, Place, SecretsError};
use berth_store::{
    BuildFor, GithubProfile, Project, ProjectSecrets, RepoAccess, SealedColumn, SealedRow, SealedVariable, StuckSecret,
};

use crate::ground::{Ground, host, new_project, raw, repo};

const OLD: &str = "0707070707070707070707070707070707070707070707070707070707070707";
const NEW: &str = "0808080808080808080808080808080808080808080808080808080808080808";

pub(crate) async fn every_sealed_value_is_found_and_replaced(ground: Ground) {
    let (old, both) = rings();
    let (access, shop) = shop_with_secrets(&ground, &old).await;
    let store = &ground.store;
    assert_eq!(store.count_sealed_otherwise(old.key_id()).await.unwrap(), 0);
    assert_eq!(store.count_sealed_otherwise(both.key_id()).await.unwrap(), 6);

    let before = (store.variables(access, shop.id).await.unwrap(), store.project(access, shop.id).await.unwrap());
    let events = ground.events().await;
    let mut places = Vec::new();
    for column in SealedColumn::ALL {
        // One row a batch, each behind the one before.
        let mut after = 0;
        loop {
            let rows = store.sealed_otherwise(column, both.key_id(), after, 1).await.unwrap();
            let Some(row) = rows.into_iter().next() else { break };
            after = row.id;
            places.push(row.place.to_string());
            let anew = both.reseal(&row.place, &row.value).unwrap();
            assert_eq!(store.replace_sealed(column, &[(row, anew)]).await.unwrap(), 1);
        }
    }
    let project = shop.id;
    assert_eq!(
        places,
        [
            format!("the variable A of project {project}"),
            format!("the variable B of project {project}"),
            format!("the variable C of project {project}"),
            format!("the access token of project {project}'s repository"),
            format!("the secret of project {project}'s hook"),
            format!("the github token of user {}", access.user()),
        ]
    );
    assert_eq!(store.count_sealed_otherwise(both.key_id()).await.unwrap(), 0);
    assert_eq!(ground.events().await, events, "nobody is told of it");
    assert_eq!(store.variables(access, shop.id).await.unwrap(), before.0, "not even when they were set");
    assert_eq!(store.project(access, shop.id).await.unwrap().updated_at, before.1.updated_at);
    all_opens(&ground, &KeyRing::from_hex(NEW).unwrap(), access, &shop).await;
}

/// Somebody sets a variable between the reading and the writing of a batch.
pub(crate) async fn what_changed_meanwhile_is_left_alone(ground: Ground) {
    let (old, both) = rings();
    let (access, shop) = shop_with_secrets(&ground, &old).await;
    let read = ground.store.sealed_otherwise(SealedColumn::Variable, both.key_id(), 0, 2).await.unwrap();
    let set = SealedVariable { value: both.seal(shop.id, "A", "set meanwhile"), ..variable(&old, &shop, "A") };
    ground.store.put_variables(access, shop.id, vec![set]).await.unwrap();
    let anew: Vec<_> =
        read.into_iter().map(|row| (row.clone(), both.reseal(&row.place, &row.value).unwrap())).collect();
    assert_eq!(ground.store.replace_sealed(SealedColumn::Variable, &anew).await.unwrap(), 1);
    let values = ground.store.variables_for(BuildFor::production(shop.id)).await.unwrap();
    assert_eq!(both.open(shop.id, "A", &values[0].1).unwrap().expose(), "set meanwhile");
    assert_eq!(both.open(shop.id, "B", &values[1].1).unwrap().expose(), "the value of B");
}

/// Who can write to the database cannot read a secret by moving it to a project of their own, and a new key does not
/// make it theirs.
pub(crate) async fn a_moved_value_opens_nowhere_else(ground: Ground) {
    let (old, both) = rings();
    let (access, shop) = shop_with_secrets(&ground, &old).await;
    let thief = ground.project(access, "thief").await;
    let moves = format!("UPDATE variable SET project_id = {} WHERE project_id = {} AND key = 'A'", thief.id, shop.id);
    raw(ground.store.backend(), &ground.url, &moves).await;
    let values = ground.store.variables_for(BuildFor::production(thief.id)).await.unwrap();
    let [(variable, value)] = &values[..] else { panic!("{} variables", values.len()) };
    assert_eq!(old.open(thief.id, variable.key.as_str(), value), Err(SecretsError::DoesNotOpen));

    let rows = ground.store.sealed_otherwise(SealedColumn::Variable, both.key_id(), 0, 9).await.unwrap();
    let moved = Place::Variable { project: thief.id, key: "A".to_owned() };
    let moved: Vec<&SealedRow> = rows.iter().filter(|row| row.place == moved).collect();
    assert_eq!(both.reseal(&moved[0].place, &moved[0].value), Err(SecretsError::DoesNotOpen));

    let another_host = format!("UPDATE project SET repo_url = 'https://evil.example/a/b' WHERE id = {}", shop.id);
    raw(ground.store.backend(), &ground.url, &another_host).await;
    let rows = ground.store.sealed_otherwise(SealedColumn::RepoToken, both.key_id(), 0, 9).await.unwrap();
    assert_eq!(both.reseal(&rows[0].place, &rows[0].value), Err(SecretsError::DoesNotOpen));
}

/// C7: of every kind, whether its key is lost or it was moved.
pub(crate) async fn what_does_not_open_is_named(ground: Ground) {
    let (old, _) = rings();
    let (access, shop) = shop_with_secrets(&ground, &old).await;
    let store = &ground.store;
    assert!(store.stuck_secrets(&old).await.unwrap().is_empty());
    let stuck = store.stuck_secrets(&KeyRing::from_hex(NEW).unwrap()).await.unwrap();
    assert!(stuck.0.iter().all(|stuck| stuck.missing_key.as_deref() == Some(old.key_id())));
    let named: Vec<&str> = stuck.0.iter().map(|stuck| stuck.what.as_str()).collect();
    assert_eq!(
        named,
        [
            "the variable A of the project shop",
            "the variable B of the project shop",
            "the variable C of the project shop",
            "the access token of the repository of the project shop",
            "the secret of the project shop's own hook",
            "the github token of the account ada",
        ]
    );

    let thief = ground.project(access, "thief").await;
    let moves = format!("UPDATE variable SET project_id = {} WHERE project_id = {} AND key = 'A'", thief.id, shop.id);
    raw(store.backend(), &ground.url, &moves).await;
    let stuck = store.stuck_secrets(&old).await.unwrap().0;
    assert_eq!(stuck, [StuckSecret { what: "the variable A of the project thief".to_owned(), missing_key: None }]);
    // Damaged where the key is named.
    let damages = format!("UPDATE variable SET value = 'v1::00' WHERE project_id = {}", thief.id);
    raw(store.backend(), &ground.url, &damages).await;
    assert_eq!(store.stuck_secrets(&old).await.unwrap().0, stuck);
    // What is deleted needs nothing any more.
    store.delete_project(access, thief.id).await.unwrap();
    assert!(store.stuck_secrets(&old).await.unwrap().is_empty());
}

/// The key from before alone, and behind the new one.
fn rings() -> (KeyRing, KeyRing) {
    (KeyRing::from_hex(OLD).unwrap(), KeyRing::with_previous(NEW, [OLD]).unwrap())
}

/// Every kind of sealed value once, and variables in threes.
async fn shop_with_secrets(ground: &Ground, keys: &KeyRing) -> (Access, Project) {
    let profile = GithubProfile { github_id: 1, login: "ada".to_owned(), email: None, avatar: None };
    let seal = |user| keys.seal_for_user(user, "github", "the token of GitHub");
    let user = ground.store.sign_in_github(&profile, true, None, seal).await.unwrap().unwrap();
    let access = Access::of(user.id, user.role);
    let secrets = |project| {
        let token = keys.seal_repo_token(project, &repo().origin(), "the token of the repository");
        ProjectSecrets { variables: Vec::new(), repo_access: Some(RepoAccess { token, user: None }) }
    };
    let shop = ground.store.create_project(access, new_project("shop"), &host("shop"), secrets).await.unwrap();
    let variables = ["A", "B", "C"].map(|key| variable(keys, &shop, key)).to_vec();
    ground.store.put_variables(access, shop.id, variables).await.unwrap();
    let hook = keys.seal_hook_secret(shop.id, "the secret of the hook");
    ground.store.set_hook_secret(access, shop.id, Some(&hook)).await.unwrap();
    (access, shop)
}

fn variable(keys: &KeyRing, project: &Project, key: &str) -> SealedVariable {
    SealedVariable {
        key: VariableKey::parse(key).unwrap(),
        kind: VariableKind::Secret,
        scope: VariableScope::Both,
        value: keys.seal(project.id, key, &format!("the value of {key}")),
    }
}

async fn all_opens(ground: &Ground, keys: &KeyRing, access: Access, shop: &Project) {
    let store = &ground.store;
    for (variable, value) in store.variables_for(BuildFor::production(shop.id)).await.unwrap() {
        let key = variable.key.as_str();
        assert_eq!(keys.open(shop.id, key, &value).unwrap().expose(), format!("the value of {key}"));
    }
    let token = store.project(access, shop.id).await.unwrap().repo_access.unwrap().token;
    let token = keys.open_repo_token(shop.id, &repo().origin(), &token).unwrap();
    assert_eq!(token.expose(), "the token of the repository");
    let hook = store.hook_secret(shop.id).await.unwrap().unwrap();
    assert_eq!(keys.open_hook_secret(shop.id, &hook).unwrap().expose(), "the secret of the hook");
    let github = store.github_token(access.user()).await.unwrap().unwrap();
    assert_eq!(keys.open_for_user(access.user(), "github", &github).unwrap().expose(), "the token of GitHub");
}
