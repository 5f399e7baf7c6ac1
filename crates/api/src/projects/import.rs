//! A whole `.env` at once: what each line would set, and which lines cannot be taken. All of it is set, or nothing.

use std::collections::HashMap;

use berth_model::{Variable, VariableKey, VariableKind, VariableScope};

use super::dotenv::{self, Assignment};
use super::settings::{MOST_VARIABLES, NewVariable, value_problem};
use crate::error::FieldProblem;
use crate::input::Form;

/// What a file says.
pub(crate) struct Import {
    pub(crate) lines: Vec<ImportedLine>,
    pub(crate) refused: Vec<RefusedLine>,
}

/// A line that sets a variable.
pub(crate) struct ImportedLine {
    pub(crate) number: usize,
    pub(crate) variable: NewVariable,
    /// Something that may not be meant.
    pub(crate) note: Option<&'static str>,
}

/// A line that cannot be taken.
pub(crate) struct RefusedLine {
    pub(crate) number: usize,
    pub(crate) key: Option<String>,
    pub(crate) reason: String,
}

impl Import {
    /// The refused lines as problems of a field.
    pub(crate) fn problems(&self, field: &str) -> Vec<FieldProblem> {
        let problem = |line: &RefusedLine| FieldProblem::new(field, format!("line {}: {}", line.number, line.reason));
        self.refused.iter().map(problem).collect()
    }

    /// What is to be set.
    pub(crate) fn into_variables(self) -> Vec<NewVariable> {
        self.lines.into_iter().map(|line| line.variable).collect()
    }
}

impl ImportedLine {
    /// Whether a project has a variable that this one takes the place of.
    pub(crate) fn replaces(&self, there: &[Variable]) -> bool {
        there.iter().any(|known| known.key == self.variable.key && known.scope == self.variable.scope)
    }
}

/// Reads a file from a field of a request. The file may be as long as the request.
pub(crate) fn read_import(form: &mut Form, field: &'static str, kind: VariableKind, scope: VariableScope) -> Import {
    let given = form.required(field, |given| Ok(given.to_owned())).unwrap_or_default();
    check(&given, kind, scope)
}

/// What the lines of a file say.
pub(crate) fn check(file: &str, kind: VariableKind, scope: VariableScope) -> Import {
    let mut import = Import { lines: Vec::new(), refused: Vec::new() };
    let mut seen: HashMap<VariableKey, usize> = HashMap::new();
    for dotenv::Line { number, key, says } in dotenv::read(file) {
        let taken = says.and_then(|set| fits(set, &mut seen, number, import.lines.len()));
        match taken {
            Ok(Assignment { key, value, note }) => {
                import.lines.push(ImportedLine { number, variable: NewVariable { key, kind, scope, value }, note });
            }
            Err(reason) => import.refused.push(RefusedLine { number, key, reason }),
        }
    }
    import
}

fn fits(
    set: Assignment,
    seen: &mut HashMap<VariableKey, usize>,
    number: usize,
    before: usize,
) -> Result<Assignment, String> {
    if before >= MOST_VARIABLES {
        return Err(format!("at most {MOST_VARIABLES} variables at once"));
    }
    if let Some(first) = seen.insert(set.key.clone(), number) {
        return Err(format!("{} is set on line {first} already", set.key));
    }
    value_problem(&set.key, &set.value).map_or(Ok(set), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projects::settings::LONGEST_VALUE;

    #[test]
    fn what_cannot_be_taken_is_told_by_line() {
        let long = "x".repeat(LONGEST_VALUE + 1);
        let file = format!("A=1\nA=2\nB={long}\nhunter2\nC=3\n9=x");
        let import = check(&file, VariableKind::Plain, VariableScope::Preview);
        let taken: Vec<_> = import.lines.iter().map(|line| (line.number, line.variable.key.as_str())).collect();
        assert_eq!(taken, [(1, "A"), (5, "C")]);
        let refused: Vec<_> = import.refused.iter().map(|line| (line.number, line.key.as_deref())).collect();
        assert_eq!(refused, [(2, Some("A")), (3, Some("B")), (4, None), (6, Some("9"))]);
        let told = import.problems("text").remove(0);
        assert_eq!((told.field.as_str(), told.message.as_str()), ("text", "line 2: A is set on line 1 already"));
        let many: String = (0..=MOST_VARIABLES).map(|number| format!("K{number}=x\n")).collect();
        let import = check(&many, VariableKind::Secret, VariableScope::Both);
        assert_eq!((import.lines.len(), import.refused.len()), (MOST_VARIABLES, 1));
    }
}
