{{ config(unique_key=['project_id', 'interaction_date']) }}
{%- set steps = {
    'impressions': 'Impression',
    'clicks': 'Click',
    'page_views': 'PageView',
    'purchases': 'Purchase',
} %}

with interactions as ({{ to_build(ref('int_interactions'), 'interaction_date') }}),

steps as (
    select
        project_id,
        interaction_date,
        source,
        {%- for name, type in steps.items() %}
        count(case when interaction_type = '{{ type }}' then 1 end) as {{ name }},
        count(distinct case
            when interaction_type = '{{ type }}' then device_id
        end) as devices_with_{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from interactions
    group by project_id, interaction_date, source
),

orders as (
    select
        project_id,
        interaction_date,
        source,
        count(*) as orders,
        sum(amount) as amount
    from {{ ref('int_orders') }}
    group by project_id, interaction_date, source
)

select
    s.*,
    coalesce(o.orders, 0) as orders,
    coalesce(o.amount, 0) as amount
from steps as s
left join orders as o
    on
        s.project_id = o.project_id
        and s.interaction_date = o.interaction_date
        and s.source = o.source
