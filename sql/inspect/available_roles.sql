-- Every role that this session's user may take, with all that these inherit, PUBLIC included. One row: roles (JSON list).
SELECT CURRENT_AVAILABLE_ROLES() AS roles
