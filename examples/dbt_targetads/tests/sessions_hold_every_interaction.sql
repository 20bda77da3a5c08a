-- Each interaction with a device is in one session.
with expected as (
    select project_id, device_id, count(*) as interactions
    from {{ ref('int_interactions') }}
    where device_id is not null
    group by project_id, device_id
),

found as (
    select project_id, device_id, sum(interactions) as interactions
    from {{ ref('sessions') }}
    group by project_id, device_id
)

select
    coalesce(e.project_id, f.project_id) as project_id,
    coalesce(e.device_id, f.device_id) as device_id,
    e.interactions as expected,
    f.interactions as found
from expected as e
full outer join found as f
    on e.project_id = f.project_id and e.device_id = f.device_id
where coalesce(e.interactions, 0) <> coalesce(f.interactions, 0)
