-- Who this session is, and what time it is there. One row: user_name, role_name, secondary_roles (JSON:
-- {"roles": "", "value": ""}), version, now.
SELECT CURRENT_USER() AS user_name, CURRENT_ROLE() AS role_name, CURRENT_SECONDARY_ROLES() AS secondary_roles,
  CURRENT_VERSION() AS version, CURRENT_TIMESTAMP() AS now
