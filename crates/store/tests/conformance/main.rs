//! One list of stories, told on SQLite and on PostgreSQL: every query of the store runs on both, against the real
//! thing. SQLite is a file in a temporary directory; PostgreSQL is a server that the tests start themselves.

mod accounts;
mod activations;
mod api_tokens;
mod audit;
mod deliveries;
mod folders;
mod ground;
mod history;
mod invitations;
mod lists;
mod opening;
mod previews;
mod projects;
mod promotions;
mod queue;
mod reports;
mod resealing;
mod runs;
mod services;
mod users;
mod volumes;

macro_rules! stories {
    ($($chapter:ident: $($story:ident),+ $(,)?;)+) => {
        mod on_postgres {
            $(mod $chapter {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    crate::$chapter::$story(crate::ground::Ground::postgres().await).await;
                })+
            })+
        }
        mod on_sqlite {
            $(mod $chapter {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $story() {
                    crate::$chapter::$story(crate::ground::Ground::sqlite().await).await;
                })+
            })+
        }
    };
}

stories! {
    opening:
        the_second_opening_finds_everything,
        a_database_of_the_first_edition_is_brought_up_to_date,
        a_database_is_asked_before_it_is_changed,
        an_empty_database_belongs_to_nobody,
        a_failing_migration_refuses_and_changes_nothing,
        a_newer_database_is_left_alone,
        settings_and_the_instance;
    accounts:
        the_first_administrator_is_the_only_one,
        github_matches_its_number_only,
        sessions_slide_and_end,
        all_other_sessions_end_at_once,
        the_session_unused_for_longest_makes_room,
        a_changed_password_ends_other_sessions,
        a_sign_in_is_finished_once;
    users:
        administrators_see_everybody,
        only_who_is_an_administrator_now,
        administrators_who_demote_each_other_leave_one,
        the_last_administrator_stays,
        who_is_deactivated_is_out_at_once,
        nobody_gets_in_while_they_are_shut_out,
        who_is_removed_leaves_a_name,
        projects_go_to_somebody_or_nobody_goes;
    invitations:
        one_of_twenty_opens_an_account,
        a_taken_login_leaves_the_link,
        an_invitation_goes_along_to_github,
        a_dead_link_is_a_dead_link,
        a_password_link_sets_one_password,
        links_end_with_who_made_them,
        old_links_are_forgotten;
    projects:
        a_project_and_its_settings,
        twenty_creations_of_one_name,
        a_new_name_moves_the_host,
        another_repository_ends_builds_of_the_first,
        a_project_without_a_repository,
        a_repositorys_token_belongs_to_its_host,
        variables_are_replaced_by_key,
        a_variable_changes_and_keeps_its_value,
        variables_are_copied_between_projects,
        others_are_forbidden_and_nothing_is_not_found,
        a_deleted_project_is_gone_and_its_name_free,
        a_nul_is_dropped;
    lists:
        a_page_of_projects_with_their_cards,
        a_longer_page_takes_no_more_reads,
        lists_are_narrowed;
    queue:
        ten_pushes_leave_the_last,
        a_build_can_end_as_skipped,
        parallel_claims_never_share_a_build,
        turns_are_fair_and_limited,
        one_build_of_a_branch_at_a_time,
        an_expired_lease_comes_back_three_times,
        a_requeued_build_yields_to_a_newer_one,
        giving_back_does_not_count,
        a_restart_takes_everything_back,
        cancel_waiting_and_running,
        what_somebody_builds_again_is_not_the_head,
        news_that_several_find_are_queued_once,
        a_build_tells_its_story,
        logs_are_read_by_line,
        builds_are_counted_by_status;
    api_tokens:
        a_token_and_its_end,
        a_token_of_one_project,
        who_is_shut_out_loses_their_tokens;
    folders:
        a_folder_runs_beside_builds_and_makes_its_project,
        an_interrupted_folder_is_not_begun_again,
        who_may_no_longer_begins_no_folder;
    activations:
        a_build_goes_live_at_the_project_host,
        an_older_build_never_wins,
        a_rollback_holds_until_a_newer_build,
        an_interrupted_activation_is_decided_again,
        a_refused_activation_puts_the_host_back,
        another_branch_does_not_go_live,
        deleting_ends_builds_and_activations,
        pruning_spares_live_recent_and_wanted;
    previews:
        a_push_opens_one_preview,
        hosts_that_are_taken,
        a_strangers_commit_waits_for_approval,
        closing_ends_what_is_under_way,
        the_last_open_pull_request_closes,
        a_preview_goes_live_and_back,
        too_old_and_one_too_many,
        a_preview_follows_its_branch_while_it_is_there,
        a_preview_gets_one_more_chance,
        a_branch_named_like_a_pull_request,
        pushing_and_closing_at_once;
    promotions:
        a_promoted_preview_outlives_itself,
        a_promoted_commit_is_built_for_production,
        canceling_takes_the_wish_back,
        variables_go_where_they_belong;
    services:
        what_is_live_and_runs_should_run,
        release_commands_succeed_once,
        a_service_is_scaled_and_restarted,
        restarts_that_meet_are_all_counted,
        images_stay_while_something_may_start_from_them,
        services_are_their_owners;
    volumes:
        a_volume_stays_until_somebody_asks,
        a_removal_survives_a_crash,
        a_volume_that_is_needed_soon_stays,
        removing_and_mounting_at_once,
        volumes_go_with_their_project_and_not_before;
    runs:
        a_command_from_its_wish_to_its_end,
        where_a_command_runs,
        a_command_is_stopped,
        starting_and_stopping_at_once,
        commands_end_with_their_project_and_outlive_who_asked;
    deliveries:
        a_hundred_deliveries_make_one_build,
        what_failed_can_be_sent_again,
        several_projects_of_one_repository,
        two_hooks_of_a_push_make_one_build,
        every_delivery_is_kept,
        what_each_wish_came_to,
        a_few_refused_deliveries_are_kept,
        hooks_do_not_share_what_they_have_seen,
        deploy_hooks_queue_one_build;
    reports:
        the_log_is_followed_from_its_end,
        what_changes_meanwhile_is_told_again,
        a_pause_is_kept_and_a_refusal_ends,
        a_refused_token_holds_its_owners_reports,
        what_is_told_wakes_what_waits,
        each_repository_has_its_turn,
        another_repository_was_told_nothing,
        the_newest_build_of_a_commit_speaks;
    resealing:
        every_sealed_value_is_found_and_replaced,
        what_changed_meanwhile_is_left_alone,
        a_moved_value_opens_nowhere_else,
        what_does_not_open_is_named;
    audit:
        a_change_is_written_down_with_who_made_it,
        what_did_not_happen_is_not_written_down,
        entries_outlive_whom_they_name,
        the_log_is_narrowed_and_paged,
        refused_sign_ins_and_old_entries,
        guesses_are_written_down_or_counted;
    history:
        old_events_go_and_the_newest_stays,
        old_logs_go_and_wanted_ones_stay;
}
