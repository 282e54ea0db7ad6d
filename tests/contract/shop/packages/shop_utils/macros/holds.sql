{# Rows that break an expression. Whether failures are stored is asked of `flags`, so that YAML which uses it reads them. #}
{% test expression_is_true(model, expression, column_name=none) %}
    {{ return(adapter.dispatch('test_expression_is_true', 'shop_utils')(model, expression, column_name)) }}
{% endtest %}

{% macro default__test_expression_is_true(model, expression, column_name) %}
select {{ '*' if should_store_failures() else '1' }} from {{ model }} where not({{ column_name or '' }} {{ expression }})
{% endmacro %}
