-- The distribution holds each conversion once: those whose last touch was read.
with expected as (
    select project_id, conversion_date, count(*) as conversions
    from {{ ref('stg_conversion_paths') }}
    where path_position = path_length
    group by project_id, conversion_date
),

found as (
    select project_id, conversion_date, sum(conversions) as conversions
    from {{ ref('path_length_and_time') }}
    group by project_id, conversion_date
)

select
    coalesce(e.project_id, f.project_id) as project_id,
    coalesce(e.conversion_date, f.conversion_date) as conversion_date,
    e.conversions as expected,
    f.conversions as found
from expected as e
full outer join found as f
    on e.project_id = f.project_id and e.conversion_date = f.conversion_date
where coalesce(e.conversions, 0) <> coalesce(f.conversions, 0)
