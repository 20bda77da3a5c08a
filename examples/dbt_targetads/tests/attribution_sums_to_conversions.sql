-- Every model shares out every conversion and its amount wholly, no more and no less.
-- Days with paths that were not read whole are left out. A conversion is counted by the
-- last touch of its path.
with expected as (
    select
        project_id,
        conversion_date,
        target_event,
        sum(case when path_position = path_length then 1 else 0 end) as conversions,
        sum(case when path_position = path_length then order_amount end) as amount
    from {{ ref('stg_conversion_paths') }}
    group by project_id, conversion_date, target_event
),

attributed as (
    select
        project_id,
        conversion_date,
        target_event,
        {%- for model in var('attribution_models') %}
        sum(conversions_{{ model }}) as conversions_{{ model }},
        sum(amount_{{ model }}) as amount_{{ model }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('channel_attribution') }}
    group by project_id, conversion_date, target_event
),

cut as (
    select distinct project_id, conversion_date, target_event
    from {{ ref('int_conversions') }}
    where not is_whole
)

select e.*
from expected as e
left join attributed as a
    on
        e.project_id = a.project_id
        and e.conversion_date = a.conversion_date
        and e.target_event = a.target_event
left join cut as c
    on
        e.project_id = c.project_id
        and e.conversion_date = c.conversion_date
        and e.target_event = c.target_event
where
    c.project_id is null
    and (
        a.project_id is null
        {%- for model in var('attribution_models') %}
        or abs(a.conversions_{{ model }} - e.conversions) > 1e-5 * e.conversions
        or abs(a.amount_{{ model }} - coalesce(e.amount, 0))
            > 1e-5 * coalesce(e.amount, 0) + 1e-5
        {%- endfor %}
    )
