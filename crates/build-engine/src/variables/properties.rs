//! A secret in a file is found wherever it stands, and nothing is found where there is none.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_secret_is_found_wherever_it_stands(
        value in "[a-m]{4}[A-Z0-9]{8,60}[n-z]{4}",
        before in prop::collection::vec(prop_oneof![Just(0_usize), Just(1), 0..300_usize, Just(65_500), Just(1 << 20)], 0..3),
        is_there in any::<bool>(),
        nearly in 1_usize..8,
    ) {
        let release = tempfile::tempdir().unwrap();
        let mut text = "x".repeat(before.iter().sum());
        // Nearly the secret, again and again, is not the secret.
        text += &value[..value.len() - nearly].repeat(3);
        if is_there {
            text += &value;
        }
        text += "-end";
        std::fs::write(release.path().join("app.js"), text).unwrap();
        let key = VariableKey::parse("API_KEY").unwrap();
        let open = vec![OpenVariable { key, kind: VariableKind::Secret, value: SecretString::from(value) }];
        let variables = Variables { open, of_one_environment: true };
        let searched = variables.look_for_leaks(release.path(), &CancellationToken::new());
        prop_assert_eq!(searched.is_err(), is_there);
    }
}
