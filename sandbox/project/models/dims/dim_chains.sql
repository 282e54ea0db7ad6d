{{ config(materialized='table', transient=false) }}

select
    chain,
    name,
    launched_on
from {{ ref('chains') }}
