{{ config(unique_key=['project_id', 'conversion_date']) }}

with conversions as ({{ to_build(ref('int_conversions'), 'conversion_date') }})

select
    project_id,
    conversion_date,
    target_event,
    path_length,
    days_to_conversion,
    count(*) as conversions,
    coalesce(sum(amount), 0) as amount
from conversions
group by project_id, conversion_date, target_event, path_length, days_to_conversion
