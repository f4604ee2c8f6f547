# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a policy and an arm, by number, and the tests that prove each.

Faults of the running system, FIRST_FAULT to LAST_FAULT, are each proven on the running graph too.
"""

from dataclasses import dataclass

FIRST, LAST = 1, 92
FIRST_FAULT, LAST_FAULT = 69, 91
FILES = {
    'arm_faults': 'graph/test_arm_faults.py',
    'arms': 'vla_safety/test_two_arms.py',
    'audit': 'vla_bridge/test_safety_audit.py',
    'auditor': 'vla_bridge/collision/test_auditor.py',
    'avoidance': 'vla_safety/test_avoidance.py',
    'carried': 'vla_safety/test_carried.py',
    'clock': 'vla_bridge/test_clock_watch.py',
    'clocks': 'vla_bridge/test_safety_clock.py',
    'codec': 'vla_bridge/test_chunk_codec.py',
    'content': 'vla_safety/test_content_cases.py',
    'early': 'vla_safety/test_early_stops.py',
    'embedded': 'vla_safety/collision/test_embedded.py',
    'faults': 'vla_safety/test_fault_cases.py',
    'files': 'vla_bridge/test_safety_files.py',
    'filter': 'vla_safety/test_filter.py',
    'following': 'vla_bridge/test_following.py',
    'graph': 'graph/test_safety_graph.py',
    'graph_faults': 'graph/test_faults.py',
    'gripper': 'vla_safety/test_gripper_cases.py',
    'guard': 'graph/test_guard.py',
    'markers': 'vla_bridge/collision/test_marker_objects.py',
    'measured': 'vla_safety/test_measured.py',
    'motion': 'vla_safety/test_motion_cases.py',
    'moveit': 'vla_bridge/collision/test_moveit.py',
    'node': 'vla_bridge/test_safety_node.py',
    'outputs': 'vla_bridge/test_controller_outputs.py',
    'opinions': 'vla_bridge/collision/test_second_opinion.py',
    'permissive': 'vla_safety/collision/test_permissive.py',
    'refusals': 'vla_safety/test_refusals.py',
    'sources': 'vla_bridge/collision/test_scene_sources.py',
    'speed': 'vla_safety/test_tool_speed.py',
    'splice': 'vla_safety/test_splice.py',
    'state': 'vla_safety/test_state_cases.py',
    'stops': 'graph/test_stops.py',
    'swept': 'vla_safety/collision/test_swept.py',
    'tool': 'vla_safety/test_tool_space.py',
    'whole': 'graph/test_whole_graph.py',
}
"""Files of tests below test/, by the names used here."""


@dataclass(frozen=True)
class Case:
    """One thing that can go wrong.

    Attributes:
        number: By which it is known.
        title: What goes wrong.
        tests: Each a file below test/ and a test in it.
    """

    number: int
    title: str
    tests: tuple[tuple[str, str], ...]


def read_cases(text: str) -> tuple[Case, ...]:
    """Cases as they are written below: number and title, then a line for each test."""
    cases: list[Case] = []
    for line in text.splitlines():
        first, _, rest = line.strip().partition(' ')
        if not first or first == '#':
            continue
        if first.isdigit():
            cases.append(Case(int(first), rest, ()))
        else:
            last = cases.pop()
            found = (FILES[first], f'test_{rest}')
            cases.append(Case(last.number, last.title, (*last.tests, found)))
    return tuple(cases)


CASES = read_cases("""
# What a chunk holds.
1 NaN
    refusals a_number_that_is_none_is_refused
    content what_is_refused_leaves_the_motion_in_execution_to_the_last_bit
2 Inf
    refusals a_number_that_is_none_is_refused
3 1e300
    refusals an_absurd_number_is_refused
    embedded a_senseless_posture_is_never_free
    swept a_senseless_motion_is_a_finding
4 denormal, -0
    content denormals_and_negative_zero_move_nothing
    refusals a_denormal_number_is_just_small
5 wrong width
    content rows_of_another_width_are_refused
    content another_arm_that_is_consistent_is_refused_by_its_names
6 ragged
    codec a_malformed_message_is_refused_in_words
    content values_that_are_no_rows_are_refused
    node a_chunk_without_form_is_told_too
7 zero points
    refusals no_rows_are_refused
8 one point
    refusals one_row_is_a_place_to_go
9 a million points
    refusals too_many_rows_are_refused
10 unsorted time
    content a_chunk_has_one_step_and_no_list_of_times
    content rows_come_one_after_the_other_at_any_step_that_is_taken
11 duplicate time
    content a_chunk_has_one_step_and_no_list_of_times
    content time_that_stands_or_goes_back_from_row_to_row_is_refused
12 negative time
    content time_that_stands_or_goes_back_from_row_to_row_is_refused
    content a_start_that_no_clock_shows_is_refused
    codec an_impossible_stamp_is_refused
13 dt 1 ns
    refusals a_time_step_out_of_bounds_is_refused
14 dt 1 h
    refusals a_time_step_out_of_bounds_is_refused
    content a_chunk_that_goes_on_for_ever_is_refused
15 overflow of a duration
    content a_start_that_no_clock_shows_is_refused
    content an_observation_that_no_clock_shows_is_refused
    codec what_no_message_can_carry_is_refused
16 velocity in the end
    motion rows_that_end_at_full_speed_end_at_rest
    filter every_message_ends_at_rest_and_repeats_the_past
17 velocities inconsistent with positions
    motion velocities_that_do_not_fit_the_arm_are_reached_within_limits
    swept an_overshoot_between_knots_is_seen
18 permuted joints
    refusals permuted_joints_are_refused
19 duplicate name
    content a_joint_of_another_name_is_refused
    codec a_malformed_message_is_refused_in_words
20 unknown or prefixed joint
    content a_joint_of_another_name_is_refused
    content the_gripper_is_the_last_column_or_none
21 flip by a whole turn
    content a_joint_that_is_a_turn_away_is_not_unwound
22 flip to another branch of the solution
    motion a_pose_turned_over_between_rows_is_cut_off
    tool the_solution_stays_on_its_branch
    tool a_solution_on_another_branch_is_not_followed
    content rows_that_flip_to_another_branch_are_not_swung_through
23 degrees as radians
    refusals degrees_are_refused
    content degrees_that_call_themselves_radians_are_refused
24 increments read as positions
    content increments_that_call_themselves_positions_are_refused
    content positions_that_call_themselves_increments_are_refused
25 unnormalised quaternion
    tool a_quaternion_that_is_no_rotation_is_refused
26 zero quaternion
    tool a_quaternion_that_is_no_rotation_is_refused
27 q and -q
    tool a_quaternion_and_its_negative_are_the_same_turn
28 wrong frame
    tool poses_in_another_frame_are_refused
    sources a_marker_in_a_frame_of_nobody_and_silence_hold_the_arm

# Times, and the state of the arm.
29 stale observation
    refusals an_old_observation_is_refused
    content an_observation_is_refused_a_moment_after_it_is_too_old
30 future stamp
    refusals an_observation_from_the_future_is_refused
    refusals a_chunk_that_starts_far_ahead_is_refused
    measured a_stamp_from_the_future_is_a_fault
    arm_faults faults_of_the_arm
31 clock back
    clock a_clock_that_goes_back_is_noticed_once
    state a_clock_that_was_set_stops_and_then_serves_again
    state a_stop_after_the_clock_was_set_back_leads_nowhere
    filter a_clock_that_jumps_stops_and_latches
    clocks a_clock_that_is_set_in_mid_motion_is_a_protective_stop
32 clock forward
    clock wall_time_that_leaps_ahead_is_noticed
    state a_clock_that_was_set_stops_and_then_serves_again
    state a_chunk_between_the_jump_and_its_discovery_moves_nothing
    clocks a_clock_that_is_set_in_mid_motion_is_a_protective_stop
33 simulated time zero, or paused
    state joint_states_of_a_clock_that_never_ran_arm_nothing
    state time_that_stands_holds_the_arm_when_it_goes_on
    measured a_clock_that_does_not_run_is_a_fault
    clocks time_that_never_ran_arms_nothing_and_time_that_stood_holds
34 missing joint
    state a_joint_that_never_came_is_named_and_nothing_is_armed
    measured one_joint_that_stops_coming_makes_the_state_stale
    arm_faults faults_of_the_arm
35 split joint states
    measured partial_messages_are_merged_by_name
    arm_faults faults_of_the_arm
36 frozen values, live stamps
    state values_that_are_frozen_under_live_stamps_stop_the_arm
    measured frozen_stamps_age_although_messages_arrive
    arm_faults faults_of_the_arm
37 NaN velocity
    state a_velocity_that_is_no_number_does_not_hide_motion
    state an_arm_that_tells_no_velocities_can_be_armed_at_rest
    arm_faults faults_of_the_arm
38 permuted names
    measured partial_messages_are_merged_by_name
    state states_of_other_joints_are_nobodys
    arm_faults faults_of_the_arm
39 start out of limits
    state an_arm_outside_its_limits_is_not_armed
    state an_arm_a_hair_outside_its_limits_only_comes_back
40 start in collision
    avoidance an_arm_in_collision_is_not_armed
    avoidance an_arm_that_is_too_near_may_only_move_away
    avoidance an_arm_does_not_creep_into_what_it_is_near

# Where a chunk comes from.
41 old instruction
    refusals a_chunk_for_another_task_is_refused
    content what_is_said_of_no_task_moves_nothing
    filter a_new_task_ends_the_old_stream
42 duplicate id
    refusals a_chunk_sent_twice_is_refused
43 out of order
    content a_sequence_that_goes_back_or_wraps_is_refused
44 ids that wrap or start anew
    content a_sequence_that_goes_back_or_wraps_is_refused
    refusals a_chunk_of_an_ended_session_is_refused
45 replay after arming again
    content what_moved_the_arm_before_it_was_armed_again_moves_it_no_more
    refusals a_chunk_observed_before_arming_is_refused

# Motion.
46 jump at the seam
    refusals a_chunk_far_from_the_arm_is_refused
    splice an_offset_at_the_seam_fades_and_the_later_rows_stay
47 reversal at the seam
    motion a_reversal_at_the_seam_is_a_turn_and_no_step
48 violation of jerk alone
    motion rows_that_break_only_the_limit_of_jerk_are_followed_slower
49 creep into a limit
    motion an_arm_does_not_creep_over_a_limit
    avoidance an_arm_does_not_creep_into_what_it_is_near
50 cumulative drift
    motion increments_do_not_gather_what_the_arm_lags_behind
51 tunnelling through a thin pole
    swept a_thin_pole_is_not_stepped_over
52 free ends, and an arc that hits
    swept free_ends_do_not_make_a_free_way
53 bridge hits
    motion a_bridge_into_free_rows_is_not_led_through_things
54 tail hits
    motion rows_that_are_free_are_not_followed_where_the_stop_from_them_is_not
    early a_stop_that_would_leave_the_path_into_something_is_not_made
55 elbow out, tool in
    avoidance a_keep_out_holds_for_every_part_of_the_arm
56 two arms
    arms case_56_arms_driven_at_each_other_stop_apart
    arms what_an_arm_carries_is_in_the_way_of_the_other

# The scene.
57 carried object hits
    carried what_is_carried_hits_before_the_hand_would
58 dropped in mid-chunk
    carried what_is_dropped_in_the_middle_of_a_chunk_is_where_it_was_dropped
    carried what_is_let_go_of_at_speed_stops_the_hand_around_it_and_lets_it_leave
59 obstacle appears
    avoidance a_thing_that_appears_stops_the_arm_at_once
    sources a_marker_in_the_way_holds_the_arm
60 flickers
    avoidance a_flickering_thing_does_not_wear_the_arm_out
    avoidance a_thing_that_goes_on_flickering_lets_the_arm_rest
61 id reused
    motion an_id_that_is_used_again_for_something_in_the_way_stops_the_arm
    markers an_id_that_is_used_again_replaces
62 mesh missing
    embedded a_mesh_is_its_convex_hull_and_a_missing_one_an_error
    embedded a_mesh_of_the_arm_that_is_missing_is_named
    files a_file_that_is_missing_is_named_and_nothing_is_configured
63 permissive allowed collisions
    permissive a_pair_that_collides_is_named_whatever_the_srdf_says
    permissive an_srdf_that_permits_everything_is_noticed
    permissive the_srdfs_of_this_repository_permit_no_collision
    node an_srdf_that_lets_links_pass_through_each_other_is_told_at_start
64 service hangs
    outputs a_gripper_server_that_hangs_delays_nobody
    audit a_move_group_that_does_not_answer_is_a_warning_and_delays_nothing
    auditor move_group_that_hangs_is_asked_again_and_not_waited_for
    avoidance a_scene_that_is_awaited_must_come_and_stay_fresh
65 backends disagree
    opinions a_crate_that_either_has_stops_a_motion
    opinions an_arm_in_what_only_one_of_them_has_is_not_armed
    moveit checkers_that_disagree_do_not_let_the_arm_move
    auditor collision_that_only_move_group_sees_is_an_error
    auditor collision_that_only_we_see_is_a_warning
    audit a_move_group_that_disagrees_is_shown_with_values_and_stops_nothing

# The gripper.
66 gripper out of range, NaN
    gripper an_opening_that_is_none_condemns_the_chunk
    gripper an_opening_a_little_outside_is_the_end_it_means
    refusals a_gripper_in_millimetres_is_refused
67 chatter
    gripper a_policy_that_cannot_decide_does_not_rattle_the_gripper
    filter the_gripper_is_told_once_and_not_chattered_at
68 closing during fast motion
    gripper a_gripper_that_closes_at_full_speed_leaves_the_motion_as_it_was
    gripper fingers_that_are_told_to_close_are_kept_away_open_until_they_have
    avoidance a_gripper_does_not_open_into_things

# Faults of the running system.
69 policy dies in mid-chunk
    whole killing_who_asks_for_motion_leaves_the_arm_at_rest
    graph a_companion_that_falls_silent_brings_the_arm_to_rest
    filter a_silent_companion_brings_the_arm_to_rest
70 safety node killed
    graph killing_a_node_leaves_the_arm_at_rest
    stops the_arm_comes_to_rest
    filter an_arm_whose_safety_node_dies_comes_to_rest
71 safety node suspended and resumed
    graph a_suspended_safety_node_neither_moves_nor_resumes_by_itself
    stops the_arm_comes_to_rest
    filter a_filter_that_was_suspended_does_not_simply_go_on
72 guard dies
    graph killing_a_node_leaves_the_arm_at_rest
    filter a_silent_companion_brings_the_arm_to_rest
73 interpreter stalls
    graph_faults faults_of_the_machine
74 starved of CPU
    stops a_starved_safety_node_leaves_an_arm_without_jolts
75 deadline missed
    graph_faults faults_of_the_machine
    filter a_late_tick_enters_the_rows_again_without_a_step
76 two publishers
    graph a_second_publisher_on_the_controller_is_a_protective_stop
77 concurrent action
    graph_faults faults_of_policies
    following a_goal_that_somebody_else_sends_is_noticed
78 controller inactive
    arm_faults faults_of_the_arm
    graph arming_without_a_controller_is_refused_in_words
79 controller refuses in silence
    arm_faults faults_of_the_arm
    filter an_arm_that_does_not_follow_is_stopped
80 speed scaling NaN, 100
    arm_faults faults_of_the_arm
    speed a_distance_that_is_none_counts_as_unknown
81 messages lost and reordered
    graph_faults faults_of_policies
82 emergency stop chatters
    graph_faults faults_of_people
    faults a_button_that_chatters_stops_once_and_stays
83 emergency stop vanishes
    graph_faults faults_of_people
    guard the_guard_answers_an_emergency_stop_that_nobody_answers
84 arming without end
    graph_faults faults_of_people
    faults arming_without_end_arms_nothing_that_may_not_be
    faults arming_without_end_does_not_start_an_arm_before_it_stands
85 arming while moving
    graph_faults faults_of_people
    filter arming_a_moving_arm_is_refused
86 parameter changed live
    graph_faults faults_of_people
    node a_parameter_cannot_change_while_the_node_is_active
87 least limit above the greatest
    graph_faults limits_that_leave_no_room_end_the_node
    faults limits_that_leave_no_room_are_refused
88 held in a singularity
    graph_faults faults_of_policies
    motion a_singular_posture_is_held_and_left_by_joints
    tool near_a_singularity_the_pace_falls_and_then_rows_are_cut
89 arm lags
    arm_faults faults_of_the_arm
    faults a_small_lag_is_followed_and_a_large_one_is_a_protective_stop
90 arm sags
    arm_faults faults_of_the_arm
    faults an_arm_that_sags_does_not_step_when_it_is_armed
    motion increments_do_not_gather_what_the_arm_lags_behind
91 storm of refusals
    graph_faults faults_of_policies
    faults a_storm_of_refused_chunks_is_a_protective_stop
    faults a_policy_that_is_refused_all_the_time_is_no_storm

# And what is in order.
92 a safe chunk passes unchanged
    motion rows_that_are_safe_reach_the_controller_to_the_last_bit
    splice rows_that_are_already_safe_pass_to_the_last_bit
""")
