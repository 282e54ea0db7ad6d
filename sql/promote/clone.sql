-- Zero-copy clone. In: source, target, transient, replace, copy_grants, copy_tags (booleans).
-- Baseline and backup are new names; prod and dev are replaced in one atomic statement.
CREATE {% if replace %}OR REPLACE {% endif %}{% if transient %}TRANSIENT {% endif %}TABLE {{ target | rel }}
  CLONE {{ source | rel }}{% if copy_grants %} COPY GRANTS{% endif %}{% if copy_tags %} COPY TAGS{% endif %}
