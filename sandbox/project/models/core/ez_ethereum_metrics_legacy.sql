{{ config(enabled=false) }}

select * from {{ ref('fact_ethereum_activity') }}
