"""The buttons that are unavailable while there is nothing to end or to cancel, by the ends of their unique ids."""

IDLE_BUTTONS = ("_end_override", "_cancel_profile_change", "_storm_alert_opt_out")
