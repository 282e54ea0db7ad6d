-- Privileges on the account itself. One row a privilege and role: privilege, grantee_name.
SHOW GRANTS ON ACCOUNT
