{{ config(unique_key=['project_id', 'conversion_date']) }}

with touches as ({{ to_build(ref('int_path_touches'), 'conversion_date') }})

select
    project_id,
    conversion_date,
    target_event,
    source,
    campaign,
    count(*) as touches,
    count(distinct conversion_id) as conversions_touched,
    {%- for model in var('attribution_models') %}
    sum(weight_{{ model }}) as conversions_{{ model }},
    sum(weight_{{ model }} * coalesce(order_amount, 0)) as amount_{{ model }}
    {{- ',' if not loop.last }}
    {%- endfor %}
from touches
group by project_id, conversion_date, target_event, source, campaign
