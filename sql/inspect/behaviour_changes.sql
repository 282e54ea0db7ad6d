-- Changes of Snowflake's behaviour that an account can still switch on or off. One row: bundles (JSON: [{"name": "2026_08",
-- "isDefault": false, "isEnabled": false}]).
SELECT SYSTEM$SHOW_ACTIVE_BEHAVIOR_CHANGE_BUNDLES() AS bundles
